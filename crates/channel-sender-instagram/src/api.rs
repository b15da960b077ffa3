//! Where Instagram's API is.

use crate::{
    Instagram,
    credentials::{Credentials, Login},
    errors::KNOWN,
};
use channel::CredentialsError;
use meta_graph::{Graph, fields::wrong, versioned};
use url::Url;

/// Where Instagram is. The operator's choice, never a tenant's.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// For Instagram login: `https://graph.instagram.com`
    pub instagram: Url,
    /// For Facebook login: `https://graph.facebook.com`
    pub facebook: Url,
    /// The version of the Graph API, e.g. `v25.0`. Meta takes each away after about two years.
    pub version: String,
    /// Where everything for [`crate::SIMULATED_ACCOUNT`] goes, if anywhere; in the form of the other two.
    pub simulator: Option<Url>,
    /// Hosts, with all below them, that media are fetched from: `cdninstagram.com`, `fbcdn.net`, `fbsbx.com`.
    pub media_hosts: Vec<String>,
}

impl Instagram {
    /// The address of the API for these credentials. The simulated account never goes to Meta.
    pub(crate) fn base(&self, credentials: &Credentials) -> Result<&Url, CredentialsError> {
        if credentials.is_simulated() {
            return self.addresses.simulator.as_ref().ok_or_else(|| {
                wrong(
                    "account_id",
                    "is the simulated account, and this installation has no simulator (`platforms.instagram_simulator_url`)",
                )
            });
        }
        Ok(match credentials.login()? {
            Login::Instagram => &self.addresses.instagram,
            Login::Facebook => &self.addresses.facebook,
        })
    }

    /// The same with the version.
    pub(crate) fn versioned(&self, credentials: &Credentials) -> Result<Url, CredentialsError> {
        Ok(versioned(self.base(credentials)?, &self.addresses.version))
    }

    /// The API as these credentials see it.
    pub(crate) fn graph<'a>(&'a self, credentials: &'a Credentials) -> Result<Graph<'a>, CredentialsError> {
        Ok(Graph {
            platform: "Instagram",
            client: &self.client,
            base: self.versioned(credentials)?,
            token: &credentials.access_token,
            // Documented for `graph.facebook.com` only.
            app_secret: (credentials.login()? == Login::Facebook).then_some(&credentials.app_secret),
            known: KNOWN,
        })
    }
}
