//! Where WhatsApp's API is.

use crate::{WhatsApp, credentials::Credentials, errors::KNOWN};
use channel::CredentialsError;
use meta_graph::{Graph, fields::wrong, versioned};
use url::Url;

/// Where WhatsApp is. The operator's choice, never a tenant's.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// `https://graph.facebook.com`
    pub graph: Url,
    /// The version of the Graph API, e.g. `v25.0`. Meta takes each away after about two years.
    pub version: String,
    /// Where everything for [`crate::SIMULATED_ACCOUNT`] goes, if anywhere; in the form of `graph`.
    pub simulator: Option<Url>,
    /// Hosts, with all below them, that media are fetched from with the access token: `fbsbx.com`.
    pub media_hosts: Vec<String>,
}

impl WhatsApp {
    /// The address of the API for these credentials. The simulated account never goes to Meta.
    pub(crate) fn base(&self, credentials: &Credentials) -> Result<&Url, CredentialsError> {
        if !credentials.is_simulated() {
            return Ok(&self.addresses.graph);
        }
        self.addresses.simulator.as_ref().ok_or_else(|| {
            wrong(
                "phone_number_id",
                "is the simulated account, and this installation has no simulator (`platforms.whatsapp_simulator_url`)",
            )
        })
    }

    /// The same with the version.
    pub(crate) fn versioned(&self, credentials: &Credentials) -> Result<Url, CredentialsError> {
        Ok(versioned(self.base(credentials)?, &self.addresses.version))
    }

    /// The API as these credentials see it.
    pub(crate) fn graph<'a>(&'a self, credentials: &'a Credentials) -> Result<Graph<'a>, CredentialsError> {
        Ok(Graph {
            platform: "WhatsApp",
            client: &self.client,
            base: self.versioned(credentials)?,
            token: &credentials.access_token,
            app_secret: Some(&credentials.app_secret),
            known: KNOWN,
        })
    }
}
