//! A running installation, asked over its API by commands that need not run beside it.

use crate::cli::Remote;
use anyhow::{Context, bail};
use reqwest::{Method, RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::time::Duration;

/// How long one answer of the installation may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The API of an installation.
pub struct Api {
    http: reqwest::Client,
    remote: Remote,
}

impl Api {
    /// Asks nothing yet.
    pub fn new(remote: Remote) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { http, remote })
    }

    /// A request with the key; `path` begins with a slash.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = self.remote.url.as_str().trim_end_matches('/');
        self.http
            .request(method, format!("{url}{path}"))
            .bearer_auth(self.remote.api_key.expose_secret())
    }

    /// What was answered; an error says what the installation says.
    pub async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let answer = request
            .send()
            .await
            .with_context(|| format!("asking {}", self.remote.url))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let problem: Value = answer.json().await.unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("it does not say why");
        match problem["field"].as_str() {
            Some(field) => bail!("{} says {status}: {detail} (in {field})", self.remote.url),
            None => bail!("{} says {status}: {detail}", self.remote.url),
        }
    }

    /// The JSON that was answered.
    pub async fn json(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        Ok(self.send(request).await?.json().await?)
    }
}
