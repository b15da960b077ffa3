//! Whether Twilio still calls us.

use crate::{Twilio, account, credentials::Credentials};
use channel::CheckError;
use url::Url;

/// The credentials work, and the number's or service's webhook is `webhook`.
pub(crate) async fn health(
    twilio: &Twilio,
    webhook: &Url,
    credentials: &Credentials,
) -> Result<(), CheckError> {
    if credentials.is_simulated() {
        // The simulator calls whoever it is told to call.
        return Ok(());
    }
    let status = account::webhook(twilio, credentials).await?;
    match status.url.as_deref() {
        Some(url) if url == webhook.as_str() => Ok(()),
        Some(url) => Err(CheckError::Misconfigured(format!(
            "{} sends messages to {url}, not here: connect it again, or set its webhook to {webhook}",
            status.set_on
        ))),
        None => Err(CheckError::Misconfigured(format!(
            "{} has no webhook for messages: connect it again, or set it to {webhook}",
            status.set_on
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeTwilio};
    use serde_json::json;
    use wiremock::{Mock, ResponseTemplate, matchers::method};

    async fn health_with(sms_url: &str) -> Result<(), CheckError> {
        let fake = FakeTwilio::start().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({
                "incoming_phone_numbers": [{
                    "sid": "PN00000000000000000000000000000001", "phone_number": "+14155550100",
                    "sms_url": sms_url, "sms_method": "POST", "capabilities": {"sms": true, "mms": true, "voice": true},
                }]
            })))
            .mount(&fake.server)
            .await;
        let webhook = "https://bot.acme.com/api/twilio/webhook/1".parse().unwrap();
        health(&fake.twilio(), &webhook, &fake::credentials()).await
    }

    #[tokio::test]
    async fn a_number_that_calls_us_is_well() {
        health_with("https://bot.acme.com/api/twilio/webhook/1")
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_number_that_was_pointed_elsewhere_is_told_with_where() {
        let error = health_with("https://other.example/sms")
            .await
            .unwrap_err()
            .to_string();

        assert!(
            error.contains("https://other.example/sms") && error.contains("connect it again"),
            "{error}"
        );
    }
}
