//! What became of a message, asked of the API and printed as a table.

use anyhow::Context;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;

/// BotSmith's API, for one workspace.
pub(super) struct Api {
    url: String,
    key: SecretString,
    http: reqwest::Client,
}

/// The message whose journey is shown.
pub(super) struct Sought<'a> {
    pub chatbot: &'a str,
    /// On this platform only.
    pub platform: Option<&'a str>,
    /// Who wrote it, as BotSmith knows them. `None`: whoever wrote this of late.
    pub contact: Option<&'a str>,
    pub text: &'a str,
    pub sent_at: DateTime<Utc>,
}

/// For people: `12 ms`, `1.20 s`.
pub(super) fn milliseconds(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.2} s", ms / 1000.0)
    }
}

impl Api {
    pub fn new(url: &str, key: SecretString) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            key,
            http,
        })
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        let request = self.http.get(format!("{}{path}", self.url)).query(query);
        let answer = request.bearer_auth(self.key.expose_secret()).send().await;
        let answer = answer.with_context(|| format!("the API does not answer at {}", self.url))?;
        let status = answer.status();
        let body: Value = answer
            .json()
            .await
            .with_context(|| format!("the API answered {status} without JSON"))?;
        anyhow::ensure!(
            status.is_success(),
            "the API refused {path} with {status}: {}",
            body["detail"]
        );
        Ok(body)
    }

    /// The message with its journey, if it is stored by now.
    async fn find(&self, sought: &Sought<'_>) -> anyhow::Result<Option<Value>> {
        let bot = self
            .get(&format!("/api/chatbots/{}", sought.chatbot), &[])
            .await?;
        let workspace = bot["workspace_id"]
            .as_str()
            .context("the API shows no workspace of the chatbot")?;
        let mut query = vec![("chatbot_id", sought.chatbot), ("limit", "10")];
        query.extend(sought.platform.map(|platform| ("platform", platform)));
        query.extend(sought.contact.map(|contact| ("contact", contact)));
        let conversations = self
            .get(&format!("/api/workspaces/{workspace}/conversations"), &query)
            .await?;
        let is_theirs = |conversation: &&Value| {
            let key = conversation["contact"]["key"].as_str();
            sought.contact.is_none_or(|contact| key == Some(contact))
        };
        let conversations = conversations["items"].as_array().into_iter().flatten();
        for conversation in conversations.filter(is_theirs) {
            let id = conversation["id"].as_str().unwrap_or_default();
            let path = format!("/api/conversations/{id}/messages");
            let messages = self.get(&path, &[("limit", "20")]).await?;
            let mut messages = messages["items"].as_array().into_iter().flatten();
            let found = messages.find(|message| sought.is(message));
            if found.is_some() {
                return Ok(found.cloned());
            }
        }
        Ok(None)
    }

    /// Prints how a message fared. What the platform reports comes a little later than the reply: it is waited for.
    pub async fn print(&self, sought: &Sought<'_>, reply_at: Option<DateTime<Utc>>) -> anyhow::Result<()> {
        let mut found = None;
        for _ in 0..20 {
            found = self.find(sought).await?;
            if found
                .as_ref()
                .is_some_and(|message| is_delivered(&message["journey"]))
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let Some(message) = found else {
            println!("\nThe message is not stored yet: a chat-worker has not taken it in.");
            return Ok(());
        };
        print_stages(&stages(&message["journey"], sought.sent_at, reply_at));
        print_answer(&message["journey"]["answer"]);
        if let Some(error) = message["error"].as_str() {
            println!("  went wrong: {error}");
        }
        Ok(())
    }
}

impl Sought<'_> {
    fn is(&self, message: &Value) -> bool {
        let accepted = message["journey"]["accepted_at"].as_str();
        let accepted = accepted.and_then(|at| DateTime::parse_from_rfc3339(at).ok());
        message["direction"] == "inbound"
            && message["text"] == self.text
            && accepted.is_some_and(|at| at >= self.sent_at)
    }
}

fn is_delivered(journey: &Value) -> bool {
    let parts = journey["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    !parts.is_empty() && parts.iter().all(|part| part["delivered_at"].is_string())
}

/// A stage and when it was reached.
struct Stage {
    name: String,
    at: DateTime<Utc>,
}

/// The stages of a message's journey, in the order in which they happened.
fn stages(journey: &Value, sent_at: DateTime<Utc>, reply_at: Option<DateTime<Utc>>) -> Vec<Stage> {
    let mut stages = vec![Stage {
        name: "sent to the webhook".to_owned(),
        at: sent_at,
    }];
    let mut add = |name: String, at: &Value| {
        let at = at.as_str().and_then(|at| DateTime::parse_from_rfc3339(at).ok());
        if let Some(at) = at {
            stages.push(Stage {
                name,
                at: at.to_utc(),
            });
        }
    };
    add("accepted (on the queue)".to_owned(), &journey["accepted_at"]);
    add("stored".to_owned(), &journey["stored_at"]);
    add("answered (reply committed)".to_owned(), &journey["answered_at"]);
    let parts = journey["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (position, part) in parts.iter().enumerate() {
        let of = if parts.len() == 1 {
            String::new()
        } else {
            format!(" {} of {}", position + 1, parts.len())
        };
        for call in part["calls"].as_array().into_iter().flatten() {
            add(format!("part{of}: call to the platform"), &call["started_at"]);
        }
        add(format!("part{of}: sent"), &part["sent_at"]);
        add(format!("part{of}: delivered"), &part["delivered_at"]);
        add(format!("part{of}: read"), &part["read_at"]);
    }
    if let Some(at) = reply_at {
        stages.push(Stage {
            name: "the platform has the reply".to_owned(),
            at,
        });
    }
    stages.sort_by_key(|stage| stage.at);
    stages
}

fn print_stages(stages: &[Stage]) {
    let width = stages
        .iter()
        .map(|stage| stage.name.chars().count())
        .max()
        .unwrap_or_default();
    let Some(first) = stages.first().map(|stage| stage.at) else {
        return;
    };
    println!(
        "\n{:width$}   {:12}  {:>9}  {:>9}",
        "stage", "at (UTC)", "took", "in all"
    );
    let mut last = first;
    for stage in stages {
        let since = |from: DateTime<Utc>| milliseconds((stage.at - from).to_std().unwrap_or_default());
        let at = stage.at.format("%H:%M:%S%.3f").to_string();
        println!(
            "{:width$}   {at:12}  {:>9}  {:>9}",
            stage.name,
            since(last),
            since(first)
        );
        last = stage.at;
    }
}

fn print_answer(answer: &Value) {
    let model = answer["model"].as_str().unwrap_or("unknown");
    let spent = answer["stages"].as_object().into_iter().flatten();
    let spent: Vec<String> = spent
        .filter_map(|(stage, ms)| {
            Some(format!(
                "{stage} {}",
                milliseconds(Duration::try_from_secs_f64(ms.as_f64()? / 1000.0).ok()?)
            ))
        })
        .collect();
    let spent = if spent.is_empty() {
        String::new()
    } else {
        format!(" ({})", spent.join(", "))
    };
    println!("\nanswered by {model}{spent}");
    if let Some(reason) = answer["fallback"].as_str() {
        println!("  not from its knowledge: {reason}");
    }
    for citation in answer["citations"].as_array().into_iter().flatten() {
        println!("  source: {}", citation["title"].as_str().unwrap_or("untitled"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stages_stand_in_the_order_in_which_they_happened() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let journey = json!({
            "accepted_at": "2026-01-01T00:00:00.010Z",
            "stored_at": "2026-01-01T00:00:00.020Z",
            "answered_at": null,
            "parts": [{
                "calls": [{"started_at": "2026-01-01T00:00:00.040Z"}],
                "sent_at": "2026-01-01T00:00:00.050Z",
                "delivered_at": "2026-01-01T00:00:00.070Z",
            }],
        });

        let stages = stages(
            &journey,
            at("2026-01-01T00:00:00Z"),
            Some(at("2026-01-01T00:00:00.045Z")),
        );

        let names: Vec<_> = stages.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "sent to the webhook",
                "accepted (on the queue)",
                "stored",
                "part: call to the platform",
                "the platform has the reply",
                "part: sent",
                "part: delivered",
            ]
        );
    }
}
