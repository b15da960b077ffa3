use super::*;
use crate::{
    addresses::Addresses,
    fake::{self, APP, NOW, SERVICE, credentials, credentials_with, request, signed_by},
    keys::{Keys, tests::keys_of},
};
use chrono::DateTime;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

fn body() -> Value {
    json!({"type": "typing", "channelId": "msteams", "serviceUrl": SERVICE})
}

async fn judged(request: &WebhookRequest, credentials: &Credentials) -> Result<(), ReceiveError> {
    verify(&fake::teams_with_keys(), request, credentials)
        .await
        .map(|_| ())
}

async fn reason(header: &str) -> String {
    let mut request = request(&body());
    request.headers.insert(HEADER, header.parse().unwrap());
    match judged(&request, &credentials()).await {
        Err(ReceiveError::BadSignature { reason }) => reason,
        other => panic!("{header} gave {other:?}"),
    }
}

async fn check(vectors: &Value, vector: &Value) {
    let text = |name: &str| vector[name].as_str().unwrap();
    let body = json!({"type": "message", "channelId": text("channel_id"), "serviceUrl": text("service_url")});
    let mut request = request(&body);
    request.received_at = DateTime::from_timestamp(vector["now"].as_i64().unwrap(), 0).unwrap();
    request
        .headers
        .insert(HEADER, text("authorization").parse().unwrap());
    let teams = Teams {
        keys: keys_of(&vectors["jwks"]),
        ..fake::teams_at("http://127.0.0.1:1")
    };

    let outcome = verify(
        &teams,
        &request,
        &credentials_with(json!({"app_id": text("app_id")})),
    )
    .await;

    // The emulator's tokens are judged as every installation judges them in which nobody has allowed them.
    let expected = text("path") == "channel" && vector["expect"].as_bool().unwrap();
    assert_eq!(outcome.is_ok(), expected, "{} gave {outcome:?}", vector["id"]);
}

#[tokio::test]
async fn every_shared_vector_is_judged_as_expected() {
    let Some(vectors) = channel_testkit::shared("channels/vectors.json") else {
        return;
    };

    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    let teams = &vectors["teams_jwt"];
    let all = teams["vectors"].as_array().unwrap();
    assert!(all.len() >= 20);
    for vector in all.iter().filter(|vector| vector["optional"] != true) {
        check(teams, vector).await;
    }
}

#[tokio::test]
async fn a_genuine_token_is_accepted_and_each_way_of_forging_it_is_refused_with_its_reason() {
    let genuine = fake::claims();
    let with = |name: &str, value: Value| {
        let mut claims = genuine.clone();
        claims[name] = value;
        signed_by(fake::KNOWN, "known", &claims)
    };
    let now = NOW as f64;

    let request = fake::signed(request(&body()), fake::KNOWN);
    judged(&request, &credentials()).await.unwrap();
    for (token, expected) in [
        (
            with("iss", json!("https://api.botframework.com/")),
            "not issued by",
        ),
        (with("iss", Value::Null), "not issued by"),
        (with("exp", Value::Null), "when it ends"),
        (with("exp", json!(now - 301.0)), "has expired"),
        (with("nbf", json!(now + 301.0)), "not valid yet"),
        (with("aud", Value::Null), "for no app"),
        (with("serviceurl", Value::Null), "no service address"),
        (
            with("serviceurl", json!("https://evil.example/")),
            "not the one that the token names",
        ),
        (signed_by(fake::FOREIGN, "known", &genuine), "does not match"),
        (signed_by(fake::KNOWN, "other", &genuine), "does not list"),
    ] {
        let reason = reason(&format!("Bearer {token}")).await;

        assert!(reason.contains(expected), "{reason}");
    }
}

#[tokio::test]
async fn a_header_that_is_not_bearer_and_one_token_is_refused() {
    let token = signed_by(fake::KNOWN, "known", &fake::claims());

    for header in [
        "".to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        token.clone(),
        format!("Basic {token}"),
        format!("bearer {token}"),
        format!("Bearer  {token}"),
        format!("Bearer {token} x"),
        "Bearer a.b".to_owned(),
        "Bearer a.b.c".to_owned(),
    ] {
        reason(&header).await;
    }
}

#[tokio::test]
async fn a_token_for_another_app_is_another_accounts() {
    let mut claims = fake::claims();
    claims["aud"] = json!("99999999-1111-2222-3333-444444444444");
    let mut request = request(&body());
    let token = signed_by(fake::KNOWN, "known", &claims);
    request
        .headers
        .insert(HEADER, format!("Bearer {token}").parse().unwrap());

    let error = judged(&request, &credentials()).await.unwrap_err();

    assert!(matches!(error, ReceiveError::ForeignAccount { given } if given.starts_with("99999999-")));
}

#[tokio::test]
async fn a_key_that_signs_for_other_channels_only_proves_nothing() {
    let mut body = body();
    body["channelId"] = json!("skype");
    let request = fake::signed(request(&body), fake::KNOWN);

    let error = judged(&request, &credentials()).await.unwrap_err();

    assert!(error.to_string().contains("may not sign"), "{error}");
}

#[tokio::test]
async fn a_genuine_token_over_a_body_that_cannot_be_read_is_malformed() {
    for body in ["", "{", "[]", "\"x\"", "\u{0}"] {
        let mut request = request(&json!({}));
        request.body = body.as_bytes().to_vec().into();
        let request = fake::signed(request, fake::KNOWN);

        let error = judged(&request, &credentials()).await.unwrap_err();

        assert!(
            matches!(error, ReceiveError::Malformed(_)),
            "{body:?} gave {error:?}"
        );
    }
}

#[tokio::test]
async fn without_keys_and_without_microsoft_nothing_is_called_forged() {
    let teams = Teams {
        keys: Keys::default(),
        ..fake::teams_at(&channel_testkit::refuse_connections())
    };
    let request = fake::signed(request(&body()), fake::KNOWN);

    let error = verify(&teams, &request, &credentials()).await.unwrap_err();

    assert!(matches!(error, ReceiveError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn keys_are_asked_for_where_the_operator_says_and_prove_then() {
    let server = MockServer::start().await;
    Mock::given(path("/v1/.well-known/openidconfiguration"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"jwks_uri": format!("{}/keys", server.uri())})),
        )
        .mount(&server)
        .await;
    Mock::given(path("/keys"))
        .respond_with(ResponseTemplate::new(200).set_body_json(crate::keys::tests::test_keys()))
        .mount(&server)
        .await;
    let teams = fake::teams_at(&server.uri());

    let genuine = verify(
        &teams,
        &fake::signed(request(&body()), fake::KNOWN),
        &credentials(),
    )
    .await;
    let forged = verify(
        &teams,
        &fake::signed(request(&body()), fake::FOREIGN),
        &credentials(),
    )
    .await;

    genuine.unwrap();
    assert!(
        matches!(forged, Err(ReceiveError::BadSignature { .. })),
        "{forged:?}"
    );
}

#[tokio::test]
async fn the_simulators_key_proves_requests_to_the_simulated_app_and_no_others() {
    let teams = Teams {
        simulated_keys: keys_of(&crate::keys::tests::test_keys()),
        keys: keys_of(&json!({"keys": []})),
        addresses: Addresses {
            simulator: SERVICE.parse().ok(),
            ..fake::addresses_at("http://127.0.0.1:1")
        },
        ..fake::teams_at("http://127.0.0.1:1")
    };
    let simulated = credentials_with(json!({"app_id": crate::SIMULATED_ACCOUNT}));
    let to = |app: &str| {
        let mut claims = fake::claims();
        claims["aud"] = json!(app);
        let mut request = request(&body());
        let token = signed_by(fake::KNOWN, "known", &claims);
        request
            .headers
            .insert(HEADER, format!("Bearer {token}").parse().unwrap());
        request
    };

    verify(&teams, &to(crate::SIMULATED_ACCOUNT), &simulated)
        .await
        .unwrap();
    let real = verify(&teams, &to(APP), &credentials()).await;

    assert!(matches!(real, Err(ReceiveError::BadSignature { .. })), "{real:?}");
}
