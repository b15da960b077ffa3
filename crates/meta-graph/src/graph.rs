//! Calls to the Graph API.

use crate::{
    refusal::{Known, check_refused, refused},
    signature,
};
use channel::{CheckError, SendError};
use http::Method;
use platform_api::{Answer, call, under};
use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

/// A base address with a version of the API: `https://graph.facebook.com` and `v25.0`.
pub fn versioned(base: &Url, version: &str) -> Url {
    under(base, version.trim_matches('/'))
}

/// The Graph API as one caller sees it.
#[derive(Clone)]
pub struct Graph<'a> {
    /// The platform's name, for the words of errors.
    pub platform: &'static str,
    /// It must not follow redirects, and must end calls in time.
    pub client: &'a Client,
    /// Address and version: see [`versioned`].
    pub base: Url,
    /// Whose calls these are.
    pub token: &'a SecretString,
    /// Proves to Meta that the token is used by its own app (`appsecret_proof`), which an app may insist on; it is how a
    /// wrong app secret is found out. `None` where the API does not know that proof.
    pub app_secret: Option<&'a SecretString>,
    /// What the platform's own errors mean.
    pub known: &'static [Known],
}

impl Graph<'_> {
    /// A request for what lies at `path`, which must be encoded already.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, under(&self.base, path))
            .bearer_auth(self.token.expose_secret());
        match self.app_secret {
            Some(secret) => {
                let proof = signature::hmac_hex(secret, self.token.expose_secret().as_bytes());
                request.query(&[("appsecret_proof", proof)])
            }
            None => request,
        }
    }

    /// A GET for some fields of what lies at `path`.
    pub fn get(&self, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        self.request(Method::GET, path).query(query)
    }

    /// A POST to `path`.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// Makes a call that delivers something, and reads a success.
    pub async fn deliver<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, SendError> {
        let answer = self.answer(request).await?;
        answer.read().ok_or_else(|| SendError::Ambiguous {
            reason: format!(
                "{} answered {}, and the answer cannot be read",
                self.platform, answer.status
            ),
        })
    }

    /// Makes a call whose success says nothing more.
    pub async fn answer(&self, request: RequestBuilder) -> Result<Answer, SendError> {
        let answer = call(self.platform, request).await?;
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(refused(self.platform, &answer, self.known))
        }
    }

    /// Makes a call that asks something, for an owner who waits for the answer.
    pub async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CheckError> {
        let answer = call(self.platform, request)
            .await
            .map_err(|error| CheckError::Unreachable(error.to_string()))?;
        if !answer.status.is_success() {
            return Err(check_refused(self.platform, &answer, self.known));
        }
        answer
            .read()
            .ok_or_else(|| CheckError::Unreachable(format!("{}'s answer cannot be read", self.platform)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_carries_the_token_in_a_header_and_its_proof_in_the_query() {
        let client = channel_testkit::client();
        let (token, secret) = (SecretString::from("canary-token"), SecretString::from("s"));
        let graph = Graph {
            platform: "WhatsApp",
            client: &client,
            base: versioned(&"http://127.0.0.1:9/base/".parse().unwrap(), "v25.0"),
            token: &token,
            app_secret: Some(&secret),
            known: &[],
        };

        let request = graph.get("1065", &[("fields", "id,name")]).build().unwrap();

        assert_eq!(request.headers()["authorization"], "Bearer canary-token");
        assert_eq!(request.url().path(), "/base/v25.0/1065");
        let query: Vec<(String, String)> = request.url().query_pairs().into_owned().collect();
        assert_eq!(query[1], ("fields".to_owned(), "id,name".to_owned()));
        assert_eq!(
            query[0],
            (
                "appsecret_proof".to_owned(),
                signature::hmac_hex(&secret, b"canary-token")
            )
        );
        assert!(!request.url().as_str().contains("canary"));
    }
}
