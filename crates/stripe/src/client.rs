//! Calls. Source: <https://docs.stripe.com/api>.

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use std::{fmt, time::Duration};
use url::Url;

/// What our requests are written for, and answers are shaped by: <https://docs.stripe.com/api/versioning>.
const VERSION: &str = "2025-03-31.basil";
/// Nobody waits longer for a page to go to.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why Stripe did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StripeError {
    /// The key is not one of Stripe's, or was revoked.
    #[error("Stripe does not accept the secret key")]
    Unauthorized,
    /// Stripe says what is wrong with the request.
    #[error("Stripe refused it: {0}")]
    Refused(String),
    /// Try again later.
    #[error("Stripe could not be asked")]
    Unreachable(#[source] Option<reqwest::Error>),
    /// The answer is not what Stripe's description says.
    #[error("Stripe's answer cannot be read")]
    Unreadable(#[source] Option<reqwest::Error>),
}

/// What is to be checked out.
#[derive(Debug)]
pub struct NewCheckout<'a> {
    /// The price's id at Stripe.
    pub price: &'a str,
    /// Who subscribes, as we know them: events bear it.
    pub workspace: &'a str,
    /// The customer's id at Stripe, of one who was there before.
    pub customer: Option<&'a str>,
    /// Before anything is charged; 0 for none.
    pub trial_days: i32,
    /// Where the browser goes afterwards.
    pub success_url: &'a str,
    /// Where it goes when nothing was bought.
    pub cancel_url: &'a str,
    /// The same request with the same key makes one checkout.
    pub idempotency_key: &'a str,
}

/// Where the browser has to go.
#[derive(Debug, Deserialize)]
pub struct CheckedOut {
    /// Stripe's page.
    pub url: String,
}

/// Where Stripe is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stripe {
    http: reqwest::Client,
    base: Url,
}

impl Stripe {
    /// `base` is `https://api.stripe.com/`, or what stands in for it.
    pub fn at(base: Url) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self { http, base })
    }

    /// With an account's secret key.
    pub fn with_key(&self, key: SecretString) -> Client {
        Client {
            stripe: self.clone(),
            key,
        }
    }
}

/// Speaks to Stripe with one account's secret key.
pub struct Client {
    stripe: Stripe,
    key: SecretString,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.stripe.base)
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: RefusalBody,
}

#[derive(Deserialize)]
struct RefusalBody {
    #[serde(default)]
    message: String,
}

impl Client {
    /// Whether the key is good. One that may do little is.
    pub async fn check(&self) -> Result<(), StripeError> {
        match self
            .call::<serde::de::IgnoredAny>(Method::GET, "v1/prices?limit=1", &[], None)
            .await
        {
            Ok(_) | Err(StripeError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes a page on which a subscription is paid for.
    pub async fn check_out(&self, new: &NewCheckout<'_>) -> Result<CheckedOut, StripeError> {
        let trial = new.trial_days.to_string();
        let mut fields = vec![
            ("mode", "subscription"),
            ("line_items[0][price]", new.price),
            ("line_items[0][quantity]", "1"),
            ("client_reference_id", new.workspace),
            ("metadata[workspace_id]", new.workspace),
            ("subscription_data[metadata][workspace_id]", new.workspace),
            ("success_url", new.success_url),
            ("cancel_url", new.cancel_url),
            ("allow_promotion_codes", "true"),
        ];
        fields.extend(new.customer.map(|customer| ("customer", customer)));
        if new.trial_days > 0 {
            fields.push(("subscription_data[trial_period_days]", &trial));
        }
        self.call(
            Method::POST,
            "v1/checkout/sessions",
            &fields,
            Some(new.idempotency_key),
        )
        .await
    }

    /// Makes a page on which the customer sees to cards, invoices and the subscription.
    pub async fn portal(&self, customer: &str, return_url: &str) -> Result<CheckedOut, StripeError> {
        let fields = [("customer", customer), ("return_url", return_url)];
        self.call(Method::POST, "v1/billing_portal/sessions", &fields, None)
            .await
    }

    /// Lets a subscription end with its period, or go on after all.
    pub async fn set_ending(&self, subscription: &str, ends: bool) -> Result<(), StripeError> {
        let fields = [("cancel_at_period_end", if ends { "true" } else { "false" })];
        let path = format!("v1/subscriptions/{subscription}");
        self.call::<serde::de::IgnoredAny>(Method::POST, &path, &fields, None)
            .await?;
        Ok(())
    }

    /// Ends a subscription now.
    pub async fn end(&self, subscription: &str) -> Result<(), StripeError> {
        let path = format!("v1/subscriptions/{subscription}");
        self.call::<serde::de::IgnoredAny>(Method::DELETE, &path, &[], None)
            .await?;
        Ok(())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        idempotency_key: Option<&str>,
    ) -> Result<T, StripeError> {
        let url = self
            .stripe
            .base
            .join(path)
            .map_err(|_| StripeError::Unreachable(None))?;
        let mut request = self
            .stripe
            .http
            .request(method.clone(), url)
            .bearer_auth(self.key.expose_secret())
            .header("stripe-version", VERSION);
        if method == Method::POST {
            request = request.form(fields);
        }
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let away = |error: reqwest::Error| StripeError::Unreachable(Some(error.without_url()));
        let response = request.send().await.map_err(away)?;
        match response.status() {
            status if status.is_success() => {
                let unreadable = |error: reqwest::Error| StripeError::Unreadable(Some(error.without_url()));
                response.json().await.map_err(unreadable)
            }
            StatusCode::UNAUTHORIZED => Err(StripeError::Unauthorized),
            status if status.is_server_error() || matches!(status.as_u16(), 409 | 429) => {
                Err(StripeError::Unreachable(None))
            }
            _ => match response.json::<Refusal>().await {
                Ok(refusal) => Err(StripeError::Refused(refusal.error.message)),
                Err(_) => Err(StripeError::Unreadable(None)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_string_contains, header, method, path},
    };

    fn client(server: &MockServer) -> Client {
        let base = format!("{}/", server.uri()).parse().unwrap();
        Stripe::at(base).unwrap().with_key("sk_test_canary".into())
    }

    fn checkout() -> NewCheckout<'static> {
        NewCheckout {
            price: "price_1",
            workspace: "0192",
            customer: None,
            trial_days: 14,
            success_url: "https://bots.example.com/done",
            cancel_url: "https://bots.example.com/back",
            idempotency_key: "once",
        }
    }

    #[tokio::test]
    async fn a_checkout_names_the_workspace_in_the_subscription_so_that_every_event_bears_it() {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/v1/checkout/sessions"))
            .and(header("authorization", "Bearer sk_test_canary"))
            .and(header("idempotency-key", "once"))
            .and(body_string_contains("subscription_data%5Bmetadata%5D%5Bworkspace_id%5D=0192"))
            .and(body_string_contains("subscription_data%5Btrial_period_days%5D=14"))
            .respond_with(ResponseTemplate::new(200).set_body_string(
                r#"{"id": "cs_test_1", "object": "checkout.session", "url": "https://checkout.stripe.com/c/pay/cs_test_1"}"#,
            ))
            .expect(1)
            .mount(&server)
            .await;

        let made = client(&server).check_out(&checkout()).await.unwrap();

        assert_eq!(made.url, "https://checkout.stripe.com/c/pay/cs_test_1");
    }

    #[tokio::test]
    async fn an_error_says_what_stripe_says_and_never_the_key() {
        let server = MockServer::start().await;
        let refused = r#"{"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such price: 'price_1'"}}"#;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(400).set_body_string(refused))
            .mount(&server)
            .await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(401))
            .mount(&server)
            .await;

        let client = client(&server);
        let refused = client.check_out(&checkout()).await.unwrap_err();
        let unauthorized = client.check().await.unwrap_err();

        assert_eq!(refused.to_string(), "Stripe refused it: No such price: 'price_1'");
        assert!(matches!(unauthorized, StripeError::Unauthorized));
        assert!(!format!("{refused:?} {client:?}").contains("canary"));
    }

    #[tokio::test]
    async fn a_busy_stripe_is_asked_again_later() {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(429))
            .mount(&server)
            .await;

        let error = client(&server)
            .portal("cus_1", "https://bots.example.com/")
            .await
            .unwrap_err();

        assert!(matches!(error, StripeError::Unreachable(_)));
    }
}
