//! Where Microsoft is, and which addresses may be trusted with a token.

use crate::credentials::Credentials;
use channel::CredentialsError;
use platform_api::under;
use url::Url;

/// Where Microsoft is. The operator's choice, never a tenant's.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Gives tokens for sending: `https://login.microsoftonline.com`
    pub login: Url,
    /// Tells the keys that Microsoft signs with: `https://login.botframework.com/v1/.well-known/openidconfiguration`
    pub metadata: Url,
    /// Who Microsoft says that it is, and what a token for sending is for: `https://api.botframework.com`. A sovereign
    /// cloud has its own, without a slash at the end.
    pub issuer: String,
    /// Where answers may be sent, with an app's token: hosts, which are spoken to by https, or whole origins. Hosts below
    /// them are not meant: `trafficmanager.net` is shared by everyone in Azure.
    pub service_hosts: Vec<String>,
    /// Where a bot of the government's cloud is, which Microsoft's ordinary service refuses (`InvalidBotApiHost`):
    /// `https://smba.infra.gcc.teams.microsoft.com`
    pub government_service: Url,
    /// Hosts, with all below them, that files lie at: fetched by https and without a token.
    pub file_hosts: Vec<String>,
    /// Where everything for [`crate::SIMULATED_ACCOUNT`] goes, if anywhere. Below it are the same paths as at Microsoft:
    /// `{tenant}/oauth2/v2.0/token` and `v1/.well-known/openidconfiguration`; and its service addresses begin with it.
    pub simulator: Option<Url>,
}

impl Addresses {
    /// Where an app asks for its token.
    pub(crate) fn token(&self, credentials: &Credentials) -> Result<Url, CredentialsError> {
        let base = self.simulator(credentials)?.unwrap_or(&self.login);
        Ok(under(
            base,
            &format!("{}/oauth2/v2.0/token", credentials.tenant()),
        ))
    }

    /// Where the keys are told that prove a request to an app.
    pub(crate) fn metadata(&self, credentials: &Credentials) -> Result<Url, CredentialsError> {
        Ok(match self.simulator(credentials)? {
            Some(simulator) => under(simulator, "v1/.well-known/openidconfiguration"),
            None => self.metadata.clone(),
        })
    }

    /// A service's address, if an app's token may go there.
    pub(crate) fn service(&self, given: &str, credentials: &Credentials) -> Option<Url> {
        let url = Url::parse(given).ok().filter(has_no_user)?;
        let trusted = match self.simulator(credentials).ok()? {
            Some(simulator) => url.origin() == simulator.origin(),
            None => self.service_hosts.iter().any(|host| is_at(&url, host)),
        };
        trusted.then_some(url)
    }

    /// Whether a file may be fetched from there, without a token.
    pub(crate) fn has_files(&self, url: &Url) -> bool {
        let listed = url.host_str().is_some_and(|host| {
            self.file_hosts.iter().any(|listed| {
                host.strip_suffix(listed.as_str())
                    .is_some_and(|before| before.is_empty() || before.ends_with('.'))
            })
        });
        listed && url.scheme() == "https" && url.port().is_none() && has_no_user(url)
    }

    /// Only for the simulated app, which never goes to Microsoft.
    fn simulator(&self, credentials: &Credentials) -> Result<Option<&Url>, CredentialsError> {
        if !credentials.is_simulated() {
            return Ok(None);
        }
        self.simulator.as_ref().map(Some).ok_or_else(|| CredentialsError {
            field: "app_id".to_owned(),
            problem: "is the simulated app, and this installation has no simulator (`platforms.teams_simulator_url`)"
                .to_owned(),
        })
    }
}

fn has_no_user(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

fn is_at(url: &Url, listed: &str) -> bool {
    if listed.contains("://") {
        return Url::parse(listed).is_ok_and(|listed| listed.origin() == url.origin());
    }
    url.scheme() == "https" && url.port().is_none() && url.host_str() == Some(listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{addresses_at, credentials, credentials_with};
    use serde_json::json;

    fn addresses() -> Addresses {
        let mut addresses = addresses_at("http://127.0.0.1:9000/teams");
        addresses.service_hosts = vec![
            "smba.trafficmanager.net".to_owned(),
            "http://10.0.0.1:8080".to_owned(),
        ];
        addresses
    }

    fn simulated() -> Credentials {
        credentials_with(json!({"app_id": crate::SIMULATED_ACCOUNT}))
    }

    #[test]
    fn a_token_goes_to_the_hosts_that_are_listed_and_to_no_neighbour_of_theirs() {
        for (url, trusted) in [
            ("https://smba.trafficmanager.net/emea/", true),
            ("https://SMBA.trafficmanager.net/emea", true),
            ("https://smba.trafficmanager.net:443/", true),
            ("http://10.0.0.1:8080/x", true),
            ("http://smba.trafficmanager.net/emea/", false),
            ("https://smba.trafficmanager.net:8443/", false),
            ("https://evil.trafficmanager.net/", false),
            ("https://x.smba.trafficmanager.net/", false),
            ("https://smba.trafficmanager.net.evil.example/", false),
            ("https://smba.trafficmanager.net@evil.example/", false),
            ("https://user@smba.trafficmanager.net/", false),
            ("http://10.0.0.1/x", false),
            ("http://127.0.0.1:9000/teams", false),
            ("smba.trafficmanager.net", false),
            ("", false),
        ] {
            assert_eq!(
                addresses().service(url, &credentials()).is_some(),
                trusted,
                "{url}"
            );
        }
    }

    #[test]
    fn the_simulated_app_speaks_to_the_simulator_and_to_nobody_else() {
        let addresses = addresses();

        assert!(
            addresses
                .service("http://127.0.0.1:9000/teams/emea", &simulated())
                .is_some()
        );
        assert!(
            addresses
                .service("https://smba.trafficmanager.net/emea/", &simulated())
                .is_none()
        );
        assert_eq!(
            addresses.token(&simulated()).unwrap().as_str(),
            "http://127.0.0.1:9000/teams/botframework.com/oauth2/v2.0/token"
        );
        assert_eq!(
            addresses.metadata(&simulated()).unwrap().as_str(),
            "http://127.0.0.1:9000/teams/v1/.well-known/openidconfiguration"
        );
    }

    #[test]
    fn without_a_simulator_the_simulated_app_speaks_to_nobody() {
        let addresses = Addresses {
            simulator: None,
            ..addresses()
        };

        let error = addresses.token(&simulated()).unwrap_err().to_string();

        assert!(error.contains("teams_simulator_url"), "{error}");
        assert!(
            addresses
                .service("https://smba.trafficmanager.net/", &simulated())
                .is_none()
        );
    }

    #[test]
    fn files_are_fetched_from_hosts_that_are_listed_with_all_below_them() {
        for (url, listed) in [
            (
                "https://acme-my.sharepoint.com/personal/a/download.aspx?tempauth=x",
                true,
            ),
            ("https://sharepoint.com/", true),
            ("http://acme.sharepoint.com/", false),
            ("https://acme.sharepoint.com:8443/", false),
            ("https://evilsharepoint.com/", false),
            ("https://sharepoint.com.evil.example/", false),
            ("https://u:p@acme.sharepoint.com/", false),
            ("https://169.254.169.254/", false),
        ] {
            assert_eq!(addresses().has_files(&url.parse().unwrap()), listed, "{url}");
        }
    }
}
