//! BotSmith's API, as its owner uses it.

use crate::wait;
use anyhow::{Context, bail};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simulator::demo;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The administrator of every installation that a test makes.
const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple 7";

/// The API, signed in once set up.
pub struct Api {
    url: String,
    http: reqwest::Client,
    cookie: Mutex<String>,
}

/// A chatbot that is connected to the simulated Twilio.
#[derive(Debug, Clone)]
pub struct Bot {
    /// Its workspace.
    pub workspace_id: String,
    /// Itself.
    pub chatbot_id: String,
    /// Its integration.
    pub integration_id: String,
    /// Its number.
    pub number: String,
}

/// An answer of the API.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body; null if there is none.
    pub body: Value,
}

impl Api {
    /// At this address, signed in as nobody.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            http,
            cookie: Mutex::default(),
        })
    }

    /// The same, signed in as the same, at another address.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        let cookie = self.cookie.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self {
            url: url.trim_end_matches('/').to_owned(),
            http: self.http.clone(),
            cookie: Mutex::new(cookie),
        }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .header("x-requested-with", "tests");
        let cookie = self.cookie.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if cookie.is_empty() {
            request
        } else {
            request.header("Cookie", cookie)
        }
    }

    /// A stream of events, to be read piece by piece.
    pub async fn follow(&self, path: &str) -> anyhow::Result<reqwest::Response> {
        Ok(self.request(Method::GET, path).send().await?.error_for_status()?)
    }

    /// Asks; whatever the answer is.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Answer> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("the API does not answer at {}", self.url))?;
        let status = answer.status().as_u16();
        let set = answer
            .headers()
            .get_all("set-cookie")
            .iter()
            .filter_map(|value| value.to_str().ok());
        let pairs: Vec<&str> = set.filter_map(|value| value.split(';').next()).collect();
        if !pairs.is_empty() {
            *self.cookie.lock().unwrap_or_else(PoisonError::into_inner) = pairs.join("; ");
        }
        let bytes = answer.bytes().await?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).with_context(|| {
                format!(
                    "{path}: {status} without JSON: {}",
                    String::from_utf8_lossy(&bytes)
                )
            })?
        };
        Ok(Answer { status, body })
    }

    async fn expect(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let name = method.to_string();
        let answer = self.ask(method, path, body).await?;
        let fine = StatusCode::from_u16(answer.status).is_ok_and(|status| status.is_success());
        if !fine {
            bail!("{name} {path}: {} {}", answer.status, answer.body);
        }
        Ok(answer.body)
    }

    /// What is there.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.expect(Method::GET, path, None).await
    }

    /// Makes something, or does something.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.expect(Method::POST, path, Some(body)).await
    }

    /// Brings a file, and whatever is answered.
    pub async fn upload(&self, path: &str, bytes: Vec<u8>) -> anyhow::Result<Value> {
        let cookie = self.cookie.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("x-requested-with", "tests")
            .header("content-type", "application/octet-stream")
            .header("Cookie", cookie)
            .body(bytes);
        let answer = request.send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        if !status.is_success() {
            bail!("POST {path}: {status} {body}");
        }
        Ok(serde_json::from_str(&body)?)
    }

    /// Every item of a list, page by page.
    pub async fn all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let page = self.get(&format!("{path}?limit=200{after}")).await?;
            items.extend(page["items"].as_array().context("no list")?.iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(items),
            }
        }
    }

    /// Becomes the administrator, by the link that the installation printed.
    pub async fn set_up(&self, link: &str) -> anyhow::Result<()> {
        let token = link
            .split(|c: char| c.is_whitespace() || c == '=' || c == '#' || c == '/')
            .rfind(|word| word.len() >= 32)
            .with_context(|| format!("no token in {link:?}"))?;
        let body = json!({"token": token, "email": EMAIL, "name": "Ada", "password": PASSWORD});
        self.post("/api/setup", &body).await?;
        Ok(())
    }

    /// A chatbot in a workspace of its own, with a number of the simulated account.
    pub async fn new_bot(&self, name: &str, number: &str) -> anyhow::Result<Bot> {
        let workspace_id = id(&self.post("/api/workspaces", &json!({"name": name})).await?)?;
        let chatbots = format!("/api/workspaces/{workspace_id}/chatbots");
        let chatbot_id = id(&self.post(&chatbots, &json!({"name": name})).await?)?;
        let integration = json!({
            "platform": "twilio",
            "credentials": {
                "account_sid": demo::ACCOUNT_SID,
                "auth_token": crate::product::AUTH_TOKEN,
                "phone_number": number,
            },
        });
        let integration = self
            .post(&format!("/api/integrations/{chatbot_id}"), &integration)
            .await?;
        let integration_id = id(&integration)?;
        Ok(Bot {
            workspace_id,
            chatbot_id,
            integration_id,
            number: number.to_owned(),
        })
    }

    /// Gives the chatbot knowledge that answers [`crate::load::QUESTION`].
    pub async fn add_opening_hours(&self, bot: &Bot) -> anyhow::Result<()> {
        // A text: a pair would be the owner's own answer to this question, for which no model is asked.
        let text = format!(
            "# {}\n\nWe are open Monday to Friday from 9:00 to 17:00.\n\n\
             # Do you ship abroad?\n\nWe ship to every country in Europe for 9 euros.",
            crate::load::QUESTION
        );
        let source = json!({"title": "Questions", "text": text});
        self.post(&format!("/api/chatbots/{}/sources", bot.chatbot_id), &source)
            .await?;
        Ok(())
    }

    /// Waits until all that the chatbot was given is searchable.
    pub async fn indexed(&self, bot: &Bot, patience: Duration) -> anyhow::Result<()> {
        let path = format!("/api/chatbots/{}/sources", bot.chatbot_id);
        wait::until("the sources to be indexed", patience, async || {
            let sources = self.get(&path).await?;
            let items = sources["items"].as_array().context("no list of sources")?;
            if let Some(failed) = items.iter().find(|source| source["state"] == "failed") {
                bail!("a source failed: {failed}");
            }
            Ok(items
                .iter()
                .all(|source| source["state"] == "ready")
                .then_some(()))
        })
        .await
    }

    /// The messages that a person wrote to a chatbot and was answered with, oldest first, with their journeys.
    pub async fn messages_with(&self, bot: &Bot, contact: &str) -> anyhow::Result<Vec<Value>> {
        let path = format!("/api/workspaces/{}/conversations?limit=200", bot.workspace_id);
        let conversations = self.get(&path).await?;
        let items = conversations["items"]
            .as_array()
            .context("no list of conversations")?;
        let found = items
            .iter()
            .find(|conversation| conversation["contact"]["key"] == contact);
        let Some(conversation) = found else {
            return Ok(Vec::new());
        };
        let path = format!(
            "/api/conversations/{}/messages?limit=200",
            conversation["id"].as_str().unwrap_or_default()
        );
        let mut messages = self.get(&path).await?["items"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        messages.reverse();
        Ok(messages)
    }

    /// A workspace's open dead letters.
    pub async fn dead_letters(&self, bot: &Bot) -> anyhow::Result<Vec<Value>> {
        let path = format!("/api/workspaces/{}/dead-letters", bot.workspace_id);
        Ok(self.get(&path).await?["items"]
            .as_array()
            .cloned()
            .unwrap_or_default())
    }
}

fn id(made: &Value) -> anyhow::Result<String> {
    made["id"]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("no id in {made}"))
}
