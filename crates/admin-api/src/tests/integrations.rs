//! Connecting accounts on platforms.

use super::{Shop, World, pigeon};
use domain::Platform;
use queue::LiveEvent;
use serde_json::json;
use sqlx::PgPool;

fn at(shop: &Shop, rest: &str) -> String {
    format!("/api/integrations/{}/{}{rest}", shop.chatbot, shop.integration)
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_account_is_connected_changed_switched_tested_and_deleted(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/integrations/{}", shop.chatbot);

    let listed = world.get(&base, &shop.owner).await.ok(200)["items"][0].clone();
    assert_eq!(listed["platform"], "twilio");
    assert_eq!(listed["state"], "pending");
    assert_eq!(listed["account"], "AC0001");
    assert_eq!(listed["sends_per_second"], 3.0);
    assert_eq!(
        listed["webhook_url"],
        format!("https://bots.example.com/api/twilio/webhook/{}", shop.chatbot)
    );
    assert_eq!(
        listed["credentials"],
        json!({"account_sid": "AC0001", "auth_token": "••••tail", "phone_number": "+14155550100"})
    );

    // A change keeps the secret that is left out, and the same row.
    let body = json!({"platform": "twilio", "display_name": "Line", "credentials": {"phone_number": null}});
    let changed = world.post(&base, &shop.owner, body).await.ok(200);
    assert_eq!(changed["id"], shop.integration.to_string());
    assert_eq!(
        changed["credentials"],
        json!({"account_sid": "AC0001", "auth_token": "••••tail"})
    );
    assert_eq!(changed["display_name"], "Line");

    let tested = world
        .post(&at(&shop, "/test"), &shop.owner, json!({}))
        .await
        .ok(200);
    assert_eq!(
        (&tested["ok"], &tested["name"], &tested["state"]),
        (&json!(true), &json!("+14155550100"), &json!("connected"))
    );

    let off = world
        .send(world.request(reqwest::Method::POST, &at(&shop, "/toggle"), &shop.owner))
        .await
        .ok(200);
    let still_off = world
        .post(&at(&shop, "/toggle"), &shop.owner, json!({"enabled": false}))
        .await
        .ok(200);
    let on = world
        .post(&at(&shop, "/toggle"), &shop.owner, json!({}))
        .await
        .ok(200);
    assert_eq!(
        (&off["enabled"], &still_off["enabled"], &on["enabled"]),
        (&json!(false), &json!(false), &json!(true))
    );

    let stats = world.get(&at(&shop, "/stats"), &shop.owner).await.ok(200);
    assert_eq!(
        (&stats["conversations"], &stats["errors"]),
        (&json!(0), &json!(0))
    );
    let number = world.get(&at(&shop, "/number"), &shop.owner).await.ok(200);
    assert_eq!(number["mms"], false);
    let webhook = world.get(&at(&shop, "/webhook"), &shop.owner).await.ok(200);
    assert_eq!(
        (&webhook["points_here"], &webhook["url"]),
        (&json!(false), &json!("https://elsewhere.example"))
    );

    world.delete(&at(&shop, ""), &shop.owner).await.ok(204);
    assert_eq!(world.get(&base, &shop.owner).await.ok(200)["items"], json!([]));
    world.get(&at(&shop, "/stats"), &shop.owner).await.problem(404);

    let actions: Vec<String> =
        sqlx::query_scalar("select action from activity_log where action like 'integration.%' order by id")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(
        actions,
        [
            "integration.create",
            "integration.update",
            "integration.toggle",
            "integration.toggle",
            "integration.toggle",
            "integration.delete"
        ]
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn credentials_that_the_platform_refuses_put_the_integration_into_error_and_its_log(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let base = format!("/api/integrations/{}", shop.chatbot);
    let credentials = json!({"auth_token": "refused-by-the-platform"});
    world
        .post(
            &base,
            &shop.owner,
            json!({"platform": "twilio", "credentials": credentials}),
        )
        .await
        .ok(200);

    let tested = world
        .post(&at(&shop, "/test"), &shop.owner, json!({}))
        .await
        .ok(200);
    let connected = world.post(&at(&shop, "/connect"), &shop.owner, json!({})).await;

    assert_eq!(
        (&tested["ok"], &tested["state"]),
        (&json!(false), &json!("error"))
    );
    assert!(connected.problem(409).contains("refuses these credentials"));
    let listed = world.get(&base, &shop.owner).await.ok(200)["items"][0].clone();
    assert!(listed["state_reason"].as_str().unwrap().contains("20003"));
    let logs = world
        .get(&format!("{base}/logs?level=error"), &shop.owner)
        .await
        .ok(200);
    let events: Vec<_> = logs["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["event"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["connect.failed", "check.failed"]);

    // New credentials: pending again, and a test connects it.
    world
        .post(
            &base,
            &shop.owner,
            json!({"platform": "twilio", "credentials": pigeon::good()}),
        )
        .await
        .ok(200);
    let tested = world
        .post(&at(&shop, "/test"), &shop.owner, json!({}))
        .await
        .ok(200);
    assert_eq!(tested["state"], "connected");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_webhook_is_registered_or_the_answer_says_what_to_do(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;

    let registered = world
        .post(&at(&shop, "/connect"), &shop.owner, json!({}))
        .await
        .ok(200);
    let body = json!({"platform": "twilio", "credentials": {"phone_number": null}});
    world
        .post(&format!("/api/integrations/{}", shop.chatbot), &shop.owner, body)
        .await
        .ok(200);
    let manual = world
        .post(&at(&shop, "/connect"), &shop.owner, json!({}))
        .await
        .ok(200);

    assert_eq!(
        (&registered["registered"], &registered["set_on"]),
        (&json!(true), &json!("the number"))
    );
    assert_eq!(
        (&manual["registered"], &manual["instructions"]),
        (&json!(false), &json!("set it by hand"))
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s6_an_integration_without_its_secret_is_refused_by_name_and_not_stored(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    world.delete(&at(&shop, ""), &shop.owner).await.ok(204);
    let base = format!("/api/integrations/{}", shop.chatbot);

    for credentials in [
        json!({}),
        json!({"account_sid": "AC1"}),
        json!({"account_sid": "AC1", "auth_token": ""}),
        json!({"account_sid": "AC1", "auth_token": "  "}),
        json!({"account_sid": "AC1", "auth_token": null}),
    ] {
        let refused = world
            .post(
                &base,
                &shop.owner,
                json!({"platform": "twilio", "credentials": credentials}),
            )
            .await;
        refused.problem(422);
        assert_eq!(
            refused.json()["field"],
            if credentials == json!({}) {
                "credentials.account_sid"
            } else {
                "credentials.auth_token"
            }
        );
    }
    for credentials in [
        json!({"account_sid": "AC1", "auth_token": ["x"]}),
        json!([]),
        json!("x"),
        json!({"account_sid": "AC1", "auth_token": 7}),
    ] {
        world
            .post(
                &base,
                &shop.owner,
                json!({"platform": "twilio", "credentials": credentials}),
            )
            .await
            .problem(422);
    }
    let wrong = json!({"account_sid": "SK1", "auth_token": "0123456789abcdef"});
    let wrong = world
        .post(
            &base,
            &shop.owner,
            json!({"platform": "twilio", "credentials": wrong}),
        )
        .await;
    assert_eq!(wrong.problem(422), "account_sid: begins with AC");
    let unknown = world
        .post(&base, &shop.owner, json!({"platform": "fax", "credentials": {}}))
        .await;
    assert!(unknown.problem(422).contains("there are: twilio"));

    assert_eq!(world.get(&base, &shop.owner).await.ok(200)["items"], json!([]));
}

/// The same for every platform that BotSmith has, as it is built in.
#[sqlx::test(migrations = "../store/migrations")]
async fn s6_no_platform_takes_credentials_without_one_of_its_needed_fields(pool: PgPool) {
    let world = World::new(pool).await;
    let workspace = world.workspace("Acme").await;
    let registry =
        platforms::registry(&platforms::Settings::default(), platforms::client().unwrap()).unwrap();
    let mut platforms = 0;

    for channel in registry.iter() {
        platforms += 1;
        let fields = channel.setup().fields;
        let made_up = fields.iter().any(|field| field.generated);
        let needed: Vec<_> = fields.into_iter().filter(|field| !field.optional).collect();
        assert!(
            needed
                .iter()
                .any(|field| field.kind == channel::FieldKind::Secret)
                || made_up,
            "{channel:?} can be connected without any secret"
        );
        for missing in &needed {
            for empty in [None, Some(""), Some(" ")] {
                let given = needed
                    .iter()
                    .map(|field| {
                        let value = if field.name == missing.name {
                            empty
                        } else {
                            Some("0123456789abcdef0123456789abcdef")
                        };
                        (field.name.to_owned(), value.map(Into::into))
                    })
                    .collect();
                let id = domain::IntegrationId::new();
                let refused =
                    crate::credentials::prepare(&world.api, workspace, channel, id, given, None).await;
                assert!(refused.is_err(), "{channel:?} without {} {empty:?}", missing.name);
            }
        }
    }
    assert!(platforms > 0);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn every_change_is_announced_so_that_caches_end(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let mut events = world.api.queue().live().subscribe();
    let topic = format!("integration.{}.{}", Platform::from_static("twilio"), shop.chatbot);

    world
        .post(&at(&shop, "/toggle"), &shop.owner, json!({}))
        .await
        .ok(200);
    world
        .patch(
            &format!("/api/chatbots/{}", shop.chatbot),
            &shop.owner,
            json!({"name": "New"}),
        )
        .await
        .ok(200);

    let mut topics = Vec::new();
    while topics.len() < 2 {
        if let Some(LiveEvent::Event { topic, .. }) = events.next().await {
            topics.push(topic);
        }
    }
    assert_eq!(topics, [topic, format!("chatbot.{}", shop.chatbot)]);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn setup_instructions_name_the_webhook_of_this_chatbot(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let url = format!("https://bots.example.com/api/twilio/webhook/{}", shop.chatbot);

    let told = world
        .get(
            &format!("/api/twilio/{}/setup-instructions", shop.chatbot),
            &shop.owner,
        )
        .await
        .ok(200);
    let unknown = world
        .get(
            &format!("/api/fax/{}/setup-instructions", shop.chatbot),
            &shop.owner,
        )
        .await;
    let platforms = world.get("/api/platforms", &shop.owner).await.ok(200);

    assert_eq!(told["webhook_url"], url);
    assert_eq!(told["steps"][0]["detail"], format!("Paste {url} there."));
    assert_eq!(told["connected"], true);
    assert!(unknown.problem(404).contains("there are: twilio"));
    assert_eq!(
        platforms["items"][0]["fields"][1],
        json!({
            "name": "auth_token", "label": "auth_token", "help": "on the perch", "kind": "secret", "optional": false, "generated": false
        })
    );
}
