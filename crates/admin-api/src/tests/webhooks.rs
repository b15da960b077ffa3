//! Where events are sent to: secrets, rotation, and what is refused.

use super::World;
use serde_json::json;
use sqlx::PgPool;

#[sqlx::test(migrations = "../store/migrations")]
async fn a_secret_is_shown_once_and_lies_sealed_and_its_successor_lets_it_sign_for_a_while(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let at = format!("/api/workspaces/{}/webhooks", shop.workspace);

    let made = world
        .post(&at, &shop.owner, json!({"url": "https://crm.example.com/hook?key=k3y", "events": ["lead.updated", "lead.created"]}))
        .await
        .ok(201);
    let secret = made["secret"].as_str().unwrap().to_owned();
    let one = format!("{at}/{}", made["webhook"]["id"].as_str().unwrap());
    let listed = world.get(&at, &shop.owner).await.ok(200);
    let rotated = world
        .post(&format!("{one}/rotate"), &shop.owner, json!({"overlap_hours": 2}))
        .await
        .ok(200);

    assert!(secret.starts_with("whsec_"), "{secret}");
    assert_eq!(made["webhook"]["events"], json!(["lead.created", "lead.updated"]));
    assert_eq!(listed["items"][0]["state"], "active");
    assert!(secret.ends_with(listed["items"][0]["secret"].as_str().unwrap()));
    assert!(!listed.to_string().contains(&secret));
    assert_ne!(rotated["secret"], secret.as_str());
    let until: chrono::DateTime<chrono::Utc> = rotated["webhook"]["previous_secret_until"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(until, world.api.now() + chrono::TimeDelta::hours(2));
    let stored: (Vec<u8>, Vec<u8>) = sqlx::query_as("select secret, previous_secret from webhook_endpoints")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    for sealed in [&stored.0, &stored.1] {
        assert!(!String::from_utf8_lossy(sealed).contains("whsec_"));
    }
    let row = made["webhook"]["id"].as_str().unwrap().parse().unwrap();
    let place = vault::Place {
        row,
        column: store::webhooks::SECRET_COLUMN,
    };
    let opened = world
        .keyring
        .open_text(shop.workspace, place, &stored.1)
        .await
        .unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&opened), secret);
    let log = world
        .get(
            &format!("/api/workspaces/{}/activity", shop.workspace),
            &shop.owner,
        )
        .await
        .ok(200)
        .to_string();
    assert!(log.contains("webhook.rotate") && log.contains("https://crm.example.com/hook"));
    assert!(!log.contains("k3y") && !log.contains(&secret), "{log}");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_address_within_our_networks_and_an_unknown_event_are_refused(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let at = format!("/api/workspaces/{}/webhooks", shop.workspace);

    for (url, event, says) in [
        (
            "http://169.254.169.254/latest",
            "lead.created",
            "allowed_private_cidrs",
        ),
        ("ftp://crm.example.com/", "lead.created", "only http and https"),
        (
            "https://user:pass@crm.example.com/",
            "lead.created",
            "user name or password",
        ),
        ("https://crm.example.com/", "lead.sold", "events must be"),
    ] {
        let detail = world
            .post(&at, &shop.owner, json!({"url": url, "events": [event]}))
            .await
            .problem(422);
        assert!(detail.contains(says), "{url} {event}: {detail}");
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_test_is_put_on_its_way_and_a_delivery_sent_again_begins_anew(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let at = format!("/api/workspaces/{}/webhooks", shop.workspace);
    let body = json!({"url": "https://crm.example.com/", "events": ["message.received"]});
    let made = world.post(&at, &shop.owner, body).await.ok(201);
    let one = format!("{at}/{}", made["webhook"]["id"].as_str().unwrap());

    let test = world
        .post(&format!("{one}/test"), &shop.owner, json!({}))
        .await
        .ok(202);
    sqlx::query("update webhook_deliveries set state = 'failed', attempts = 10, settled_at = now()")
        .execute(&world.pool)
        .await
        .unwrap();
    let failed = world
        .get(&format!("{one}/deliveries?state=failed"), &shop.owner)
        .await
        .ok(200);
    let delivery = format!("{one}/deliveries/{}", test["delivery_id"].as_str().unwrap());
    world
        .post(&format!("{delivery}/send-again"), &shop.owner, json!({}))
        .await
        .ok(204);
    let due = world
        .get(&format!("{one}/deliveries?state=due"), &shop.owner)
        .await
        .ok(200);

    assert_eq!(failed["items"][0]["type"], "webhook.test");
    assert_eq!(due["items"][0]["event_id"], failed["items"][0]["event_id"]);
    assert_eq!(due["items"][0]["attempts"], 0);
    world
        .get(&format!("{one}/deliveries?state=lost"), &shop.owner)
        .await
        .problem(422);
}
