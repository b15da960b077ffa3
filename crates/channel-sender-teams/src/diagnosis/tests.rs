use super::*;
use crate::{
    SIMULATED_ACCOUNT,
    fake::{
        self, APP, FOREIGN, KNOWN, NOW, TENANT, credentials, credentials_with, message, request, signed_by,
    },
    token::HEADER,
};
use chrono::DateTime;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proptest::prelude::*;
use serde_json::{Value, json};

const OTHER: &str = "99999999-1111-2222-3333-444444444444";

fn with(header: &str, body: &Value) -> WebhookRequest {
    let mut request = request(body);
    request.headers.insert(HEADER, header.parse().unwrap());
    request
}

/// A genuine request but for this claim.
fn claiming(name: &str, value: Value) -> WebhookRequest {
    let mut claims = fake::claims();
    claims[name] = value;
    let token = signed_by(KNOWN, "known", &claims);
    with(&format!("Bearer {token}"), &message(json!({})))
}

/// A genuine request but for this in its body.
fn saying(changes: Value) -> WebhookRequest {
    fake::signed(request(&message(changes)), KNOWN)
}

fn found_with(request: &WebhookRequest, credentials: &Credentials) -> (Cause, String) {
    let Diagnosis { cause, words } = diagnose(&fake::teams_with_keys(), request, credentials);
    assert!(!words.contains("canary"), "{words}");
    (cause, words)
}

fn found(request: &WebhookRequest) -> (Cause, String) {
    found_with(request, &credentials())
}

#[test]
fn what_is_wrong_with_a_proof_is_told_apart() {
    let genuine = fake::signed(request(&message(json!({}))), KNOWN);
    let mut twice = genuine.clone();
    twice.headers.append(HEADER, "Bearer x".parse().unwrap());
    let mut bare = genuine.clone();
    bare.headers.remove(HEADER);
    let mut headless = genuine;
    headless.body = "[]".into();
    let token = |key, kid| {
        let token = signed_by(key, kid, &fake::claims());
        with(&format!("Bearer {token}"), &message(json!({})))
    };
    let shared_secret = jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &fake::claims(),
        &EncodingKey::from_secret(b"canary"),
    )
    .unwrap();
    for (request, cause, words) in [
        (bare, "missing_proof", "is missing"),
        (twice, "missing_proof", "there are 2"),
        (
            with("Basic canary", &message(json!({}))),
            "missing_proof",
            "let the proxy pass it on",
        ),
        (
            with("Bearer canary", &message(json!({}))),
            "unreadable",
            "no JSON Web Token",
        ),
        (
            with(&format!("Bearer {shared_secret}"), &message(json!({}))),
            "unreadable",
            "HS256, not RS256",
        ),
        (token(FOREIGN, "known"), "wrong_secret", "it is forged"),
        (
            token(KNOWN, "other"),
            "wrong_secret",
            "known within an hour: check it again then",
        ),
        (claiming("exp", Value::Null), "unproven", "when it ends"),
        (
            claiming("serviceurl", json!("https://canary.example/")),
            "changed",
            "not the one that the token names",
        ),
        (
            saying(json!({"channelId": "canary"})),
            "unproven",
            "may not sign for the message's channel",
        ),
        (headless, "unreadable", "not a JSON object"),
    ] {
        let (found, said) = found(&request);

        assert_eq!(found.as_str(), cause, "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn another_app_is_named_whoever_signed_for_it_and_however_late() {
    let mut late = claiming("aud", json!(OTHER));
    late.received_at = DateTime::from_timestamp(NOW + 100_000, 0).unwrap();
    let mut forged = fake::claims();
    forged["aud"] = json!(OTHER);
    let forged = signed_by(FOREIGN, "other", &forged);
    for request in [
        claiming("aud", json!(OTHER)),
        late,
        with(&format!("Bearer {forged}"), &message(json!({}))),
        saying(json!({"recipient": {"id": format!("28:{OTHER}")}})),
    ] {
        let (cause, words) = found(&request);

        assert_eq!(cause, Cause::OtherAccount);
        assert!(
            words.contains(&format!(
                "the app {OTHER}, and this integration's is {APP}: enter its id"
            )),
            "{words}"
        );
    }
}

#[test]
fn what_is_no_apps_id_is_not_repeated() {
    for request in [
        claiming("aud", json!("api://canary")),
        saying(json!({"recipient": {"id": "28:canary"}})),
    ] {
        let (cause, words) = found(&request);

        assert_eq!(cause, Cause::OtherAccount);
        assert!(words.contains("another one"), "{words}");
    }
}

#[test]
fn another_tenant_is_named_with_the_one_that_is_let_in() {
    let ours = credentials_with(json!({"tenant_id": OTHER}));
    let nameless = json!({"conversation": {"id": "19:abc"}, "channelData": null});
    let unlike = json!({"conversation": {"id": "19:abc", "tenantId": "canary"}, "channelData": null});

    let (cause, words) = found_with(&saying(json!({})), &ours);

    assert_eq!(cause, Cause::OtherAccount);
    assert!(
        words.contains(&format!(
            "the tenant {TENANT}, and this integration takes messages of the tenant {OTHER} only"
        )),
        "{words}"
    );
    for body in [nameless, unlike] {
        let (cause, words) = found_with(&saying(body), &ours);

        assert_eq!(cause, Cause::OtherAccount);
        assert!(
            words.contains(&format!("does not come from the tenant {OTHER}")),
            "{words}"
        );
    }
}

#[test]
fn how_far_the_clocks_differ_is_said_in_seconds() {
    for (claim, at, seconds, words) in [
        ("exp", NOW - 301, 301, "has expired, by 301 seconds"),
        ("nbf", NOW + 900, -900, "is not valid yet, by 900 seconds"),
    ] {
        let (cause, said) = found(&claiming(claim, json!(at)));

        assert_eq!(cause, Cause::Clock { seconds });
        assert!(said.contains(words) && said.ends_with("set it"), "{said}");
    }
}

#[test]
fn who_else_of_microsofts_has_issued_a_token_is_recognised() {
    let emulators = json!("https://login.microsoftonline.com/d6d49420-f39b-4df7-a1dc-d59a935871db/v2.0");
    for (issuer, words) in [
        (emulators, "Emulator's are: write to the bot in Teams"),
        (
            json!("https://api.botframework.us"),
            "set `platforms.teams_issuer` to https://api.botframework.us",
        ),
        (json!("https://canary.example"), "it does not come from Teams"),
        (Value::Null, "it does not come from Teams"),
    ] {
        // The keys of other clouds are not among those that we know.
        let mut claims = fake::claims();
        claims["iss"] = issuer;
        let token = signed_by(FOREIGN, "other", &claims);

        let (cause, said) = found(&with(&format!("Bearer {token}"), &message(json!({}))));

        assert_eq!(cause, Cause::Unproven);
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_service_that_the_operator_does_not_list_is_named_with_the_setting() {
    let service = "https://smba.infra.example/amer/";
    let mut claims = fake::claims();
    claims["serviceurl"] = json!(service);
    let token = signed_by(KNOWN, "known", &claims);

    let (cause, words) = found(&with(
        &format!("Bearer {token}"),
        &message(json!({"serviceUrl": service})),
    ));

    assert_eq!(cause, Cause::Unproven);
    assert!(
        words.contains("is at smba.infra.example,") && words.contains("`platforms.teams_service_hosts`"),
        "{words}"
    );
}

#[test]
fn a_request_that_proves_itself_by_now_is_said_to() {
    let (_, words) = found(&fake::signed(request(&message(json!({}))), KNOWN));

    assert!(words.contains("proves itself by now"), "{words}");
}

#[test]
fn the_simulated_app_is_proven_by_the_simulators_key_only() {
    let mut claims = fake::claims();
    claims["aud"] = json!(SIMULATED_ACCOUNT);
    let token = signed_by(KNOWN, "known", &claims);
    let body = message(json!({"recipient": {"id": format!("28:{SIMULATED_ACCOUNT}")}}));

    let (cause, words) = found_with(
        &with(&format!("Bearer {token}"), &body),
        &credentials_with(json!({"app_id": SIMULATED_ACCOUNT})),
    );

    assert_eq!(cause, Cause::WrongSecret);
    assert!(words.contains("does not list"), "{words}");
}

#[test]
fn a_request_is_ours_if_it_is_to_our_bot_and_its_token_is_for_no_other() {
    let upper = format!("28:{}", APP.to_uppercase());
    let to = |id: &str| json!({"recipient": {"id": id}});
    let forged = fake::signed(request(&message(json!({}))), FOREIGN);
    let mut bare = forged.clone();
    bare.headers.remove(HEADER);
    let mut unreadable = forged.clone();
    unreadable.body = "{".into();
    for (request, ours) in [
        (forged, true),
        (bare, true),
        (saying(to(&upper)), true),
        (with("Bearer canary", &message(json!({}))), true),
        (saying(to(&format!("28:{OTHER}"))), false),
        (saying(to(&format!("29:{APP}"))), false),
        (claiming("aud", json!(OTHER)), false),
        (unreadable, false),
    ] {
        assert_eq!(names_account(&request, &credentials()), ours, "{request:?}");
    }
}

proptest! {
    #[test]
    fn anything_can_be_diagnosed(body: Vec<u8>, header in "(Bearer )?[ -~]{0,40}(\\.[ -~]{0,10}){0,3}") {
        let mut request = with(&header, &json!({}));
        request.body = body.into();

        let (_, words) = found(&request);

        prop_assert!(!words.contains("by now"));
        prop_assert!(!names_account(&request, &credentials()));
    }
}
