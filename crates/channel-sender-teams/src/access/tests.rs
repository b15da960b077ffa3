use super::*;
use crate::fake::{FakeTeams, credentials, credentials_with};
use channel_testkit::{refuse_connections, speak_once};
use serde_json::json;
use wiremock::ResponseTemplate;

fn token(value: &str, expires_in: u64) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({"token_type": "Bearer", "access_token": value, "expires_in": expires_in}))
}

async fn error(answer: ResponseTemplate) -> TokenError {
    let fake = FakeTeams::without_tokens().await;
    fake.token(answer).await;
    prove(&fake.teams(), &credentials()).await.unwrap_err()
}

#[tokio::test]
async fn a_token_is_asked_for_as_microsoft_describes_it() {
    let fake = FakeTeams::start().await;
    let one_tenant = credentials_with(json!({"tenant_id": crate::fake::TENANT}));

    for credentials in [credentials(), one_tenant] {
        prove(&fake.teams(), &credentials).await.unwrap();
    }

    let requests = fake.requests().await;
    assert_eq!(requests[0].url.path(), "/botframework.com/oauth2/v2.0/token");
    assert_eq!(
        requests[1].url.path(),
        format!("/{}/oauth2/v2.0/token", crate::fake::TENANT)
    );
    let form: HashMap<_, _> = url::form_urlencoded::parse(&requests[0].body)
        .into_owned()
        .collect();
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["client_id"], crate::fake::APP);
    assert_eq!(form["client_secret"], crate::fake::APP_SECRET);
    assert_eq!(form["scope"], "https://api.botframework.com/.default");
    assert_eq!(form.len(), 4);
}

#[tokio::test]
async fn a_token_serves_until_five_minutes_before_its_end() {
    for (expires_in, asked) in [(3600, 1), (301, 1), (300, 3), (0, 3)] {
        let fake = FakeTeams::without_tokens().await;
        fake.token(token("t", expires_in)).await;
        let teams = fake.teams();

        for _ in 0..3 {
            teams.access.get(&teams, &credentials()).await.unwrap();
        }

        assert_eq!(fake.tokens_asked().await, asked, "{expires_in}");
    }
}

#[tokio::test]
async fn who_knows_an_apps_id_and_not_its_secret_gets_nothing_of_what_is_kept() {
    let fake = FakeTeams::without_tokens().await;
    fake.token(token("theirs", 3600)).await;
    let teams = fake.teams();
    teams.access.get(&teams, &credentials()).await.unwrap();

    let guessed = credentials_with(json!({"app_secret": "guessed"}));
    teams.access.get(&teams, &guessed).await.unwrap();

    assert_eq!(
        fake.tokens_asked().await,
        2,
        "the kept token was given to somebody without its secret"
    );
}

#[tokio::test]
async fn many_who_need_a_token_at_once_ask_for_one() {
    let fake = FakeTeams::start().await;
    let teams = Arc::new(fake.teams());

    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let teams = teams.clone();
            tokio::spawn(async move { teams.access.get(&teams, &credentials()).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }

    assert_eq!(fake.tokens_asked().await, 1);
}

#[tokio::test]
async fn a_token_that_was_refused_is_renewed_by_the_first_who_hears_of_it() {
    let fake = FakeTeams::without_tokens().await;
    fake.token_once(token("old", 3600)).await;
    fake.token(token("new", 3600)).await;
    let teams = fake.teams();
    let old = teams.access.get(&teams, &credentials()).await.unwrap();

    let first = teams.access.renew(&teams, &credentials(), &old).await.unwrap();
    let second = teams.access.renew(&teams, &credentials(), &old).await.unwrap();

    assert_eq!((first.expose_secret(), second.expose_secret()), ("new", "new"));
    assert_eq!(fake.tokens_asked().await, 2);
}

#[tokio::test]
async fn what_microsoft_refuses_is_told_in_its_words_with_advice() {
    let words = "AADSTS7000215: Invalid client secret provided. Trace ID: 11111111-2222 Correlation ID: x Timestamp: y";
    let answer = json!({"error": "invalid_client", "error_description": words, "error_codes": [7_000_215]});

    match error(ResponseTemplate::new(401).set_body_json(answer)).await {
        TokenError::Refused(reason) => assert_eq!(
            reason,
            "AADSTS7000215: Invalid client secret provided. (the app secret is wrong: enter the value of a client secret, \
             not its id)"
        ),
        other => panic!("{other:?}"),
    }
    for (status, kind) in [
        (400, "unauthorized_client"),
        (400, "invalid_request"),
        (401, "invalid_client"),
    ] {
        let answer = ResponseTemplate::new(status).set_body_json(json!({"error": kind}));
        assert!(matches!(error(answer).await, TokenError::Refused(_)), "{kind}");
    }
}

#[tokio::test]
async fn while_microsoft_cannot_answer_nothing_is_said_of_the_credentials() {
    for answer in [
        ResponseTemplate::new(503).set_body_json(json!({"error": "temporarily_unavailable"})),
        ResponseTemplate::new(429).insert_header("retry-after", "7"),
        ResponseTemplate::new(404),
        ResponseTemplate::new(200).set_body_string("<html>"),
    ] {
        assert!(matches!(error(answer).await, TokenError::NotNow { .. }));
    }
    for address in [refuse_connections(), speak_once("").await] {
        let teams = crate::fake::teams_at(&address);
        let error = SendError::from(prove(&teams, &credentials()).await.unwrap_err());
        assert!(matches!(error, SendError::Retry { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn what_has_ended_is_forgotten_when_there_are_many() {
    let teams = crate::fake::teams_at("http://127.0.0.1:1");

    for at in 0..MANY + 10 {
        teams
            .access
            .slot(&credentials_with(json!({"app_secret": format!("secret{at}")})));
    }

    assert!(teams.access.slots.lock().unwrap().len() <= MANY);
}
