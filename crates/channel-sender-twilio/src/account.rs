//! Asks Twilio about the account and its number, and points its webhooks at us.

use crate::{
    Twilio, api,
    credentials::{Caller, Credentials},
    errors, reach,
};
use channel::{CheckError, Connected, Identity, NumberCapabilities, WebhookStatus};
use http::Method;
use platform_api::under;
use reqwest::RequestBuilder;
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

/// Only what we use: the answer also carries the account's auth token in clear.
#[derive(Deserialize)]
struct Account {
    friendly_name: Option<String>,
    status: Option<String>,
    r#type: Option<String>,
}

#[derive(Deserialize)]
struct Numbers {
    incoming_phone_numbers: Vec<Number>,
}

#[derive(Deserialize)]
struct Number {
    sid: String,
    phone_number: Option<String>,
    #[serde(default)]
    capabilities: Abilities,
    sms_url: Option<String>,
    sms_method: Option<String>,
    sms_application_sid: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Abilities {
    #[serde(alias = "SMS")]
    sms: bool,
    #[serde(alias = "MMS")]
    mms: bool,
    voice: bool,
}

#[derive(Deserialize)]
struct Service {
    friendly_name: Option<String>,
    inbound_request_url: Option<String>,
    inbound_method: Option<String>,
    use_inbound_webhook_on_number: Option<bool>,
}

#[derive(Deserialize)]
struct Pool {
    phone_numbers: Vec<PoolNumber>,
}

#[derive(Deserialize)]
struct PoolNumber {
    phone_number: Option<String>,
    #[serde(default)]
    capabilities: Vec<String>,
}

/// What a webhook can be set on.
enum Sender {
    Service(String),
    Number(String),
}

fn sender(credentials: &Credentials) -> Result<Sender, CheckError> {
    credentials.validate()?;
    match (&credentials.messaging_service_sid, &credentials.phone_number) {
        (Some(service), _) => Ok(Sender::Service(service.clone())),
        (None, Some(number)) => Ok(Sender::Number(number.clone())),
        (None, None) => Err(CheckError::Misconfigured(
            "there is neither a number nor a Messaging Service".to_owned(),
        )),
    }
}

/// One account's calls.
struct Calls<'a> {
    twilio: &'a Twilio,
    credentials: &'a Credentials,
}

impl Calls<'_> {
    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CheckError> {
        let answer = api::call(request)
            .await
            .map_err(|error| CheckError::Unreachable(error.to_string()))?;
        if !answer.status.is_success() {
            return Err(errors::check_refused(&answer));
        }
        answer
            .read()
            .ok_or_else(|| CheckError::Unreachable("Twilio's answer cannot be read".to_owned()))
    }

    fn request(&self, method: Method, url: Url, caller: Caller<'_>) -> RequestBuilder {
        api::request(&self.twilio.client, method, url, caller)
    }

    fn api(&self, path: &str) -> Result<Url, CheckError> {
        Ok(api::of_account(
            self.twilio.addresses.api(self.credentials)?,
            self.credentials,
            path,
        ))
    }

    fn messaging(&self, path: &str) -> Result<Url, CheckError> {
        Ok(under(
            self.twilio.addresses.messaging(self.credentials)?,
            &format!("v1/Services/{path}"),
        ))
    }

    /// Asked with the auth token whatever else calls: that token is what proves webhooks.
    async fn account(&self) -> Result<Account, CheckError> {
        let base = self.twilio.addresses.api(self.credentials)?;
        let url = under(
            base,
            &format!("2010-04-01/Accounts/{}.json", self.credentials.account_sid),
        );
        self.answer(self.request(Method::GET, url, self.credentials.owner()))
            .await
    }

    async fn number(&self, number: &str) -> Result<Number, CheckError> {
        let url = self.api("IncomingPhoneNumbers.json")?;
        let request = self
            .request(Method::GET, url, self.credentials.caller())
            .query(&[("PhoneNumber", number)]);
        let numbers: Numbers = self.answer(request).await?;
        let found = numbers
            .incoming_phone_numbers
            .into_iter()
            .find(|found| found.phone_number.as_deref() == Some(number));
        found.ok_or_else(|| {
            let end: String = number.chars().skip(number.chars().count().saturating_sub(4)).collect();
            CheckError::Misconfigured(format!(
                "this account has no phone number that ends with {end}: a number belongs to the account or sub-account \
                 that bought it, and needs the SID and auth token of that one"
            ))
        })
    }

    async fn service(&self, sid: &str) -> Result<Service, CheckError> {
        let request = self.request(Method::GET, self.messaging(sid)?, self.credentials.caller());
        self.answer(request).await
    }
}

pub(crate) async fn check(twilio: &Twilio, credentials: &Credentials) -> Result<Identity, CheckError> {
    let sender = sender(credentials)?;
    let calls = Calls { twilio, credentials };
    let account = calls.account().await.map_err(|error| match error {
        CheckError::Unauthorized(reason) => CheckError::Unauthorized(format!(
            "{reason}; the SID and the auth token must be those of the same account or sub-account, and the token its primary one"
        )),
        other => other,
    })?;
    if let Some(status @ ("suspended" | "closed")) = account.status.as_deref() {
        return Err(CheckError::Misconfigured(format!(
            "the Twilio account is {status}: see the Twilio console"
        )));
    }
    let mut details: Vec<String> = account.friendly_name.into_iter().collect();
    if account.r#type.as_deref() == Some("Trial") {
        details.push("trial account: only verified numbers can be written to".to_owned());
    }
    if credentials.is_simulated() {
        details.push("simulated account: nothing is sent to Twilio".to_owned());
    }
    let name = match sender {
        Sender::Number(number) => match calls.number(&number).await {
            Ok(found) if !found.capabilities.sms => {
                return Err(CheckError::Misconfigured(
                    "the phone number cannot send and receive SMS: choose one that can".to_owned(),
                ));
            }
            Ok(found) => {
                if found.capabilities.mms {
                    details.push("SMS and MMS".to_owned());
                }
                number
            }
            Err(error) => {
                details.push(unless_a_restricted_key(credentials, error)?);
                number
            }
        },
        Sender::Service(sid) => match calls.service(&sid).await {
            Ok(service) => {
                details.push(format!("Messaging Service {sid}"));
                service.friendly_name.unwrap_or(sid)
            }
            Err(error) => {
                details.push(unless_a_restricted_key(credentials, error)?);
                sid
            }
        },
    };
    Ok(Identity { name, details })
}

/// A restricted API key may be allowed to send and nothing else, and Twilio answers as it does to a wrong one.
fn unless_a_restricted_key(credentials: &Credentials, error: CheckError) -> Result<String, CheckError> {
    match error {
        CheckError::Unauthorized(reason)
            if credentials.api_key_sid.is_some() && reason.starts_with("70051") =>
        {
            Ok(
                "the API key may not read the account's numbers, so the number could not be checked"
                    .to_owned(),
            )
        }
        error => Err(error),
    }
}

pub(crate) async fn connect(
    twilio: &Twilio,
    webhook: &Url,
    credentials: &Credentials,
) -> Result<Connected, CheckError> {
    let sender = sender(credentials)?;
    let calls = Calls { twilio, credentials };
    if !credentials.is_simulated() && !reach::is_public(webhook) {
        return Ok(Connected::Manual {
            instructions: format!(
                "Twilio cannot call {webhook} from the internet. Set this installation's public address (`public_url`) to \
                 one that it can, then connect again."
            ),
        });
    }
    let set = match &sender {
        Sender::Number(number) => set_on_number(&calls, webhook, number).await,
        Sender::Service(service) => set_on_service(&calls, webhook, service).await,
    };
    match set {
        Ok(set_on) => Ok(Connected::Registered { set_on }),
        Err(CheckError::Unauthorized(_)) if credentials.api_key_sid.is_some() => Ok(Connected::Manual {
            instructions: by_hand(&sender, webhook),
        }),
        Err(error) => Err(error),
    }
}

async fn set_on_number(calls: &Calls<'_>, webhook: &Url, number: &str) -> Result<String, CheckError> {
    let found = calls.number(number).await?;
    // An application would win over the address, so it is taken off.
    let form = [
        ("SmsUrl", webhook.as_str()),
        ("SmsMethod", "POST"),
        ("SmsApplicationSid", ""),
    ];
    let url = calls.api(&format!("IncomingPhoneNumbers/{}.json", found.sid))?;
    let request = calls
        .request(Method::POST, url, calls.credentials.caller())
        .form(&form);
    let set: Number = calls.answer(request).await?;
    confirmed(set.sms_url.as_deref(), webhook)?;
    Ok(format!("the phone number {number}"))
}

async fn set_on_service(calls: &Calls<'_>, webhook: &Url, sid: &str) -> Result<String, CheckError> {
    let form = [
        ("InboundRequestUrl", webhook.as_str()),
        ("InboundMethod", "POST"),
        // Each number's own address would win.
        ("UseInboundWebhookOnNumber", "false"),
    ];
    let request = calls
        .request(Method::POST, calls.messaging(sid)?, calls.credentials.caller())
        .form(&form);
    let set: Service = calls.answer(request).await?;
    confirmed(set.inbound_request_url.as_deref(), webhook)?;
    Ok(format!(
        "the Messaging Service {}",
        set.friendly_name.unwrap_or_else(|| sid.to_owned())
    ))
}

fn confirmed(set: Option<&str>, webhook: &Url) -> Result<(), CheckError> {
    if set == Some(webhook.as_str()) {
        return Ok(());
    }
    Err(CheckError::Misconfigured(format!(
        "Twilio took the address {webhook} and did not set it: set it in the Twilio console"
    )))
}

fn by_hand(sender: &Sender, webhook: &Url) -> String {
    let place = match sender {
        Sender::Number(number) => {
            format!(
                "Phone Numbers, Manage, Active numbers, {number}, Messaging configuration: under \"A message comes in\""
            )
        }
        Sender::Service(sid) => {
            format!("Messaging, Services, {sid}, Integration: under \"Send a webhook\"")
        }
    };
    format!(
        "The API key may not change this. In the Twilio console open {place} choose Webhook, enter {webhook} with HTTP POST, \
         and save."
    )
}

pub(crate) async fn webhook(twilio: &Twilio, credentials: &Credentials) -> Result<WebhookStatus, CheckError> {
    let calls = Calls { twilio, credentials };
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(match sender(credentials)? {
        Sender::Number(number) => {
            let found = calls.number(&number).await?;
            match given(found.sms_application_sid) {
                Some(application) => WebhookStatus {
                    url: None,
                    method: None,
                    set_on: format!(
                        "the TwiML application {application}, which wins over the phone number {number}"
                    ),
                },
                None => WebhookStatus {
                    url: given(found.sms_url),
                    method: given(found.sms_method),
                    set_on: format!("the phone number {number}"),
                },
            }
        }
        Sender::Service(sid) => {
            let service = calls.service(&sid).await?;
            if service.use_inbound_webhook_on_number == Some(true) {
                let set_on = format!("each phone number of the Messaging Service {sid}");
                WebhookStatus {
                    url: None,
                    method: None,
                    set_on,
                }
            } else {
                WebhookStatus {
                    url: given(service.inbound_request_url),
                    method: given(service.inbound_method),
                    set_on: format!("the Messaging Service {sid}"),
                }
            }
        }
    })
}

pub(crate) async fn number(
    twilio: &Twilio,
    credentials: &Credentials,
) -> Result<NumberCapabilities, CheckError> {
    let calls = Calls { twilio, credentials };
    match sender(credentials)? {
        Sender::Number(number) => {
            let Abilities { sms, mms, voice } = calls.number(&number).await?.capabilities;
            Ok(NumberCapabilities {
                number,
                sms,
                mms,
                voice,
            })
        }
        Sender::Service(sid) => {
            let url = calls.messaging(&format!("{sid}/PhoneNumbers"))?;
            let pool: Pool = calls
                .answer(calls.request(Method::GET, url, credentials.caller()))
                .await?;
            let can = |ability: &str| {
                pool.phone_numbers.iter().any(|number| {
                    number
                        .capabilities
                        .iter()
                        .any(|can| can.eq_ignore_ascii_case(ability))
                })
            };
            let numbers: Vec<&str> = pool
                .phone_numbers
                .iter()
                .filter_map(|number| number.phone_number.as_deref())
                .collect();
            if numbers.is_empty() {
                return Err(CheckError::Misconfigured(format!(
                    "the Messaging Service {sid} has no phone number: add one to its sender pool in the Twilio console"
                )));
            }
            Ok(NumberCapabilities {
                sms: can("SMS"),
                mms: can("MMS"),
                voice: can("Voice"),
                number: numbers.join(", "),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, ACCOUNT, FakeTwilio};
    use serde_json::{Value, json};
    use wiremock::{
        Mock, ResponseTemplate,
        matchers::{basic_auth, method, path, query_param},
    };

    const NUMBER: &str = "+14155550100";
    const SERVICE: &str = "MG00000000000000000000000000000001";
    const PN: &str = "PN00000000000000000000000000000001";
    const WEBHOOK: &str = "https://bot.acme.com/api/twilio/webhook/1";

    fn json_answer(body: Value) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(body)
    }

    async fn account_is(fake: &FakeTwilio, status: &str, kind: &str) {
        Mock::given(path(format!("/2010-04-01/Accounts/{ACCOUNT}.json")))
            .and(basic_auth(ACCOUNT, "canary-auth-token"))
            .respond_with(json_answer(json!({
                "sid": ACCOUNT, "friendly_name": "Acme Inc", "status": status, "type": kind, "auth_token": "canary-of-twilio",
            })))
            .mount(&fake.server)
            .await;
    }

    async fn number_is(fake: &FakeTwilio, changes: Value) {
        let mut number = json!({
            "sid": PN, "phone_number": NUMBER, "capabilities": {"voice": true, "sms": true, "mms": true, "fax": false},
            "sms_url": "https://old.example/", "sms_method": "GET", "sms_application_sid": "",
        });
        for (name, value) in changes.as_object().unwrap() {
            number[name] = value.clone();
        }
        Mock::given(method("GET"))
            .and(path(format!(
                "/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json"
            )))
            .and(query_param("PhoneNumber", NUMBER))
            .respond_with(json_answer(json!({"incoming_phone_numbers": [number]})))
            .mount(&fake.server)
            .await;
    }

    async fn service_is(fake: &FakeTwilio, service: Value) {
        for verb in ["GET", "POST"] {
            Mock::given(method(verb))
                .and(path(format!("/v1/Services/{SERVICE}")))
                .respond_with(json_answer(service.clone()))
                .mount(&fake.server)
                .await;
        }
    }

    fn with_service() -> Credentials {
        fake::credentials_with(json!({"phone_number": null, "messaging_service_sid": SERVICE}))
    }

    fn with_key() -> Credentials {
        fake::credentials_with(
            json!({"api_key_sid": "SK0123456789abcdef0123456789abcdef", "api_key_secret": "canary-key"}),
        )
    }

    async fn refused(fake: &FakeTwilio, matcher: impl wiremock::Match + 'static, status: u16, code: u32) {
        Mock::given(matcher)
            .respond_with(
                ResponseTemplate::new(status)
                    .set_body_json(json!({"code": code, "message": "Authorization Failed"})),
            )
            .mount(&fake.server)
            .await;
    }

    #[tokio::test]
    async fn a_good_account_is_named_and_its_auth_token_is_not_kept() {
        let fake = FakeTwilio::start().await;
        account_is(&fake, "active", "Trial").await;
        number_is(&fake, json!({})).await;

        let identity = check(&fake.twilio(), &fake::credentials()).await.unwrap();

        assert_eq!(identity.name, NUMBER);
        assert_eq!(identity.details[0], "Acme Inc");
        assert!(identity.details[1].starts_with("trial account"), "{identity:?}");
        assert!(!format!("{identity:?}").contains("canary"));
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_suspended_account_is_refused() {
        let fake = FakeTwilio::start().await;
        account_is(&fake, "suspended", "Full").await;

        let error = check(&fake.twilio(), &fake::credentials())
            .await
            .unwrap_err()
            .to_string();

        assert!(error.contains("suspended"), "{error}");
    }

    #[tokio::test]
    async fn a_wrong_token_is_refused_with_what_to_do() {
        let fake = FakeTwilio::start().await;
        refused(&fake, method("GET"), 401, 20003).await;

        let error = check(&fake.twilio(), &fake::credentials()).await.unwrap_err();

        assert!(
            matches!(&error, CheckError::Unauthorized(reason) if reason.contains("same account or sub-account")),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_number_of_another_account_or_without_sms_is_refused() {
        let (foreign, voice) = (FakeTwilio::start().await, FakeTwilio::start().await);
        account_is(&foreign, "active", "Full").await;
        number_is(&foreign, json!({"phone_number": "+14155550199"})).await;
        account_is(&voice, "active", "Full").await;
        number_is(
            &voice,
            json!({"capabilities": {"voice": true, "sms": false, "mms": false}}),
        )
        .await;

        let no_number = check(&foreign.twilio(), &fake::credentials())
            .await
            .unwrap_err()
            .to_string();
        let no_sms = check(&voice.twilio(), &fake::credentials())
            .await
            .unwrap_err()
            .to_string();

        assert!(
            no_number.contains("no phone number that ends with 0100"),
            "{no_number}"
        );
        assert!(no_sms.contains("cannot send and receive SMS"), "{no_sms}");
    }

    #[tokio::test]
    async fn an_api_key_is_checked_by_what_it_can_read_and_the_auth_token_by_the_account() {
        let fake = FakeTwilio::start().await;
        account_is(&fake, "active", "Full").await;
        number_is(&fake, json!({})).await;

        check(&fake.twilio(), &with_key()).await.unwrap();

        let users = fake.users().await;
        assert_eq!(users, [ACCOUNT, "SK0123456789abcdef0123456789abcdef"]);
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_restricted_api_key_is_accepted_and_a_wrong_one_is_not() {
        let numbers = || {
            path(format!(
                "/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json"
            ))
        };
        let (restricted, wrong) = (FakeTwilio::start().await, FakeTwilio::start().await);
        account_is(&restricted, "active", "Full").await;
        refused(&restricted, numbers(), 401, 70051).await;
        account_is(&wrong, "active", "Full").await;
        refused(&wrong, numbers(), 401, 20003).await;

        let identity = check(&restricted.twilio(), &with_key()).await.unwrap();
        let error = check(&wrong.twilio(), &with_key()).await.unwrap_err();

        assert!(
            identity
                .details
                .iter()
                .any(|detail| detail.contains("may not read")),
            "{identity:?}"
        );
        assert!(matches!(error, CheckError::Unauthorized(_)), "{error:?}");
    }

    #[tokio::test]
    async fn a_webhook_is_set_on_the_number_and_its_application_taken_off() {
        let fake = FakeTwilio::start().await;
        number_is(&fake, json!({"sms_application_sid": "AP1"})).await;
        Mock::given(method("POST"))
            .and(path(format!(
                "/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers/{PN}.json"
            )))
            .respond_with(json_answer(
                json!({"sid": PN, "phone_number": NUMBER, "sms_url": WEBHOOK}),
            ))
            .mount(&fake.server)
            .await;

        let connected = connect(&fake.twilio(), &WEBHOOK.parse().unwrap(), &fake::credentials())
            .await
            .unwrap();

        assert_eq!(
            connected,
            Connected::Registered {
                set_on: format!("the phone number {NUMBER}")
            }
        );
        let form = fake.forms().await.remove(1);
        assert_eq!(
            (
                form["SmsUrl"].as_str(),
                form["SmsMethod"].as_str(),
                form["SmsApplicationSid"].as_str()
            ),
            (WEBHOOK, "POST", "")
        );
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_webhook_is_set_on_the_messaging_service() {
        let fake = FakeTwilio::start().await;
        service_is(
            &fake,
            json!({"sid": SERVICE, "friendly_name": "Support", "inbound_request_url": WEBHOOK}),
        )
        .await;

        let connected = connect(&fake.twilio(), &WEBHOOK.parse().unwrap(), &with_service())
            .await
            .unwrap();

        assert_eq!(
            connected,
            Connected::Registered {
                set_on: "the Messaging Service Support".to_owned()
            }
        );
        let form = fake.forms().await.remove(0);
        assert_eq!(
            (
                form["InboundRequestUrl"].as_str(),
                form["UseInboundWebhookOnNumber"].as_str()
            ),
            (WEBHOOK, "false")
        );
        fake.check_requests().await;
    }

    #[tokio::test]
    async fn a_webhook_that_was_not_set_after_all_is_an_error() {
        let fake = FakeTwilio::start().await;
        service_is(
            &fake,
            json!({"sid": SERVICE, "inbound_request_url": "https://elsewhere.example/"}),
        )
        .await;

        let error = connect(&fake.twilio(), &WEBHOOK.parse().unwrap(), &with_service())
            .await
            .unwrap_err();

        assert!(matches!(error, CheckError::Misconfigured(_)), "{error:?}");
    }

    #[tokio::test]
    async fn where_the_api_does_not_allow_it_the_owner_is_told_what_to_paste_where() {
        let fake = FakeTwilio::start().await;
        refused(&fake, method("GET"), 401, 70051).await;

        let by_key = connect(&fake.twilio(), &WEBHOOK.parse().unwrap(), &with_key())
            .await
            .unwrap();
        let by_token = connect(&fake.twilio(), &WEBHOOK.parse().unwrap(), &fake::credentials()).await;
        let inside = connect(
            &fake.twilio(),
            &"http://localhost:8080/w".parse().unwrap(),
            &fake::credentials(),
        )
        .await
        .unwrap();

        assert!(
            matches!(&by_key, Connected::Manual { instructions } if instructions.contains(WEBHOOK) && instructions.contains(NUMBER)),
            "{by_key:?}"
        );
        assert!(matches!(by_token, Err(CheckError::Unauthorized(_))));
        assert!(
            matches!(&inside, Connected::Manual { instructions } if instructions.contains("public_url")),
            "{inside:?}"
        );
    }

    #[tokio::test]
    async fn where_a_webhook_points_is_told_with_what_wins() {
        let (number, application) = (FakeTwilio::start().await, FakeTwilio::start().await);
        number_is(&number, json!({})).await;
        number_is(&application, json!({"sms_application_sid": "AP7"})).await;

        let plain = webhook(&number.twilio(), &fake::credentials()).await.unwrap();
        let overruled = webhook(&application.twilio(), &fake::credentials())
            .await
            .unwrap();

        assert_eq!(
            (plain.url.as_deref(), plain.method.as_deref()),
            (Some("https://old.example/"), Some("GET"))
        );
        assert!(
            overruled.url.is_none() && overruled.set_on.contains("AP7"),
            "{overruled:?}"
        );
    }

    #[tokio::test]
    async fn a_messaging_services_webhook_is_its_own_or_its_numbers() {
        let (own, numbers) = (FakeTwilio::start().await, FakeTwilio::start().await);
        service_is(&own, json!({"inbound_request_url": WEBHOOK, "inbound_method": "POST", "use_inbound_webhook_on_number": false})).await;
        service_is(
            &numbers,
            json!({"inbound_request_url": WEBHOOK, "use_inbound_webhook_on_number": true}),
        )
        .await;

        assert_eq!(
            webhook(&own.twilio(), &with_service())
                .await
                .unwrap()
                .url
                .as_deref(),
            Some(WEBHOOK)
        );
        assert_eq!(
            webhook(&numbers.twilio(), &with_service()).await.unwrap().url,
            None
        );
        own.check_requests().await;
    }

    #[tokio::test]
    async fn what_a_number_can_do_is_told() {
        let (fake, pool) = (FakeTwilio::start().await, FakeTwilio::start().await);
        number_is(
            &fake,
            json!({"capabilities": {"voice": false, "SMS": true, "MMS": false}}),
        )
        .await;
        Mock::given(path(format!("/v1/Services/{SERVICE}/PhoneNumbers")))
            .respond_with(json_answer(json!({"phone_numbers": [
                {"phone_number": "+14155550101", "capabilities": ["SMS"]},
                {"phone_number": "+14155550102", "capabilities": ["SMS", "MMS"]},
            ]})))
            .mount(&pool.server)
            .await;

        let one = number(&fake.twilio(), &fake::credentials()).await.unwrap();
        let many = number(&pool.twilio(), &with_service()).await.unwrap();

        assert_eq!(
            one,
            NumberCapabilities {
                number: NUMBER.to_owned(),
                sms: true,
                mms: false,
                voice: false
            }
        );
        assert_eq!(
            many,
            NumberCapabilities {
                number: "+14155550101, +14155550102".to_owned(),
                sms: true,
                mms: true,
                voice: false
            }
        );
        fake.check_requests().await;
        pool.check_requests().await;
    }

    #[tokio::test]
    async fn twilio_being_away_is_not_blamed_on_the_credentials() {
        let away = fake::twilio_at(&channel_testkit::refuse_connections());

        assert!(matches!(
            check(&away, &fake::credentials()).await,
            Err(CheckError::Unreachable(_))
        ));
    }
}
