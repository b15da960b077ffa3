//! Events against a receiver that verifies them as the specification says.

use super::*;
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use domain::{WebhookEndpointId, WorkspaceId};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::Sha256;
use sqlx::{AssertSqlSafe, PgPool};
use store::webhooks::{NewEndpoint, replace_secret};
use vault::{Keyring, MasterKeys, Place};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

/// The same bytes in base64, as receivers have it.
const KEYS: [&str; 2] = [
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "cGxhaW5seSBhbm90aGVyIGtleSBvZiAyNCBieXRlcw==",
];

struct World {
    db: Db,
    keyring: Keyring,
    clock: Clock,
    pool: PgPool,
    workspace: WorkspaceId,
    endpoint: WebhookEndpointId,
}

impl World {
    async fn new(pool: PgPool, url: &str) -> Self {
        let db = Db::of_pool(&pool);
        let master_key = SecretString::from(BASE64_STANDARD.encode([7; 32]));
        let settings = vault::Settings {
            master_key,
            ..Default::default()
        };
        let keyring = Keyring::new(db.clone(), MasterKeys::load(&settings).unwrap());
        let (workspace, endpoint) = (WorkspaceId::new(), WebhookEndpointId::new());
        let sql = format!("insert into workspaces (id, name) values ('{workspace}', 'Acme')");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
        // Ahead of the database's own clock: what it has just written is due.
        let clock = Clock::manual(Utc::now() + TimeDelta::seconds(10));
        let world = Self {
            db,
            keyring,
            clock,
            pool,
            workspace,
            endpoint,
        };
        let sealed = world.seal(KEYS[0]).await;
        let new = NewEndpoint {
            id: endpoint,
            url,
            description: "",
            events: &["lead.created".to_owned()],
            secret: &sealed,
            secret_shown: "LaSw",
        };
        let mut tx = world.db.tenant(workspace).await.unwrap();
        webhooks::insert(&mut tx, &new, Utc::now()).await.unwrap();
        tx.commit().await.unwrap();
        world
    }

    async fn seal(&self, key: &str) -> Vec<u8> {
        let place = Place {
            row: self.endpoint.as_uuid(),
            column: webhooks::SECRET_COLUMN,
        };
        let plain = format!("whsec_{key}");
        self.keyring
            .seal(self.workspace, place, plain.as_bytes())
            .await
            .unwrap()
    }

    fn deliverer(&self, guard: &Guard) -> Deliverer {
        Deliverer::new(self.db.clone(), self.keyring.clone(), self.clock.clone(), guard).unwrap()
    }

    /// Everything that is due now, tried once.
    async fn round(&self, guard: &Guard) -> usize {
        let deliverer = self.deliverer(guard);
        let due = deliverer.due(100).await;
        for claimed in &due {
            deliverer.deliver(claimed).await;
        }
        due.len()
    }

    async fn lead(&self, name: &str) {
        let sql = format!(
            "insert into leads (id, workspace_id, stage_id, name, created_at, updated_at)
             select new_id(), workspace_id, id, '{name}', now(), now() from lead_stages
             where workspace_id = '{}' and position = 1",
            self.workspace
        );
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .unwrap();
    }

    async fn delivered(&self) -> usize {
        let mut tx = self.db.tenant(self.workspace).await.unwrap();
        let delivered = Some(webhooks::DeliveryState::Delivered);
        let found = webhooks::list(&mut tx, self.endpoint, delivered, None, 100).await;
        found.unwrap().len()
    }

    async fn delivery(&self) -> webhooks::Delivery {
        let mut tx = self.db.tenant(self.workspace).await.unwrap();
        let mut all = webhooks::list(&mut tx, self.endpoint, None, None, 10)
            .await
            .unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }
}

fn home() -> Guard {
    Guard::new(&["127.0.0.0/8".parse().unwrap()])
}

/// As a receiver does it, by the specification: over the bytes as they came, before they are read.
fn verifies(request: &Request, key: &str, now: DateTime<Utc>) -> bool {
    let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let age = now.timestamp() - timestamp.parse::<i64>().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&BASE64_STANDARD.decode(key).unwrap()).unwrap();
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(&request.body);
    let expected = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    age.abs() < 300
        && header("webhook-signature")
            .split(' ')
            .any(|signature| signature.strip_prefix("v1,") == Some(expected.as_str()))
}

async fn receiver(answers: impl Into<Vec<ResponseTemplate>>) -> MockServer {
    let server = MockServer::start().await;
    for answer in answers.into() {
        Mock::given(any())
            .respond_with(answer)
            .up_to_n_times(1)
            .mount(&server)
            .await;
    }
    server
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_receiver_verifies_what_came_and_both_secrets_sign_while_they_hold(pool: PgPool) {
    let server = receiver([
        ResponseTemplate::new(204),
        ResponseTemplate::new(204),
        ResponseTemplate::new(204),
    ])
    .await;
    let world = World::new(pool, &server.uri()).await;
    let now = || world.clock.now();

    world.lead("Ada ♥").await;
    assert_eq!(world.round(&home()).await, 1);
    let (new, old) = (world.seal(KEYS[1]).await, world.seal(KEYS[0]).await);
    let mut tx = world.db.tenant(world.workspace).await.unwrap();
    let until = now() + TimeDelta::hours(1);
    replace_secret(&mut tx, world.endpoint, &new, "cw==", &old, until, now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    world.lead("Bob").await;
    assert_eq!(world.round(&home()).await, 1);
    world.clock.advance(Duration::from_hours(2));
    world.lead("Cyd").await;
    assert_eq!(world.round(&home()).await, 1);

    let came = server.received_requests().await.unwrap();
    let verified: Vec<[bool; 2]> = came
        .iter()
        .map(|request| {
            KEYS.map(|key| {
                let sent: i64 = request.headers["webhook-timestamp"]
                    .to_str()
                    .unwrap()
                    .parse()
                    .unwrap();
                verifies(request, key, DateTime::from_timestamp(sent + 1, 0).unwrap())
            })
        })
        .collect();
    assert_eq!(verified, [[true, false], [true, true], [false, true]]);
    let body: serde_json::Value = serde_json::from_slice(&came[0].body).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["name"]),
        (&"lead.created".into(), &"Ada ♥".into())
    );
    let mut forged = came[0].clone();
    forged.body[10] ^= 1;
    assert!(!verifies(&forged, KEYS[0], now()));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_is_refused_comes_again_later_with_the_same_id_and_the_log_has_every_try(pool: PgPool) {
    let server = receiver([
        ResponseTemplate::new(500).set_body_string("down\0for a moment"),
        ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/"),
        ResponseTemplate::new(200).set_body_string("thanks"),
    ])
    .await;
    let world = World::new(pool, &server.uri()).await;
    world.lead("Ada").await;

    assert_eq!(world.round(&home()).await, 1);
    assert_eq!(world.round(&home()).await, 0, "it is tried again at once");
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(world.round(&home()).await, 1);
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.round(&home()).await, 1);

    let delivery = world.delivery().await;
    let log: Vec<_> = delivery
        .tries
        .iter()
        .map(|tried| (tried.status, tried.response.as_deref()))
        .collect();
    assert_eq!(
        log,
        [
            (Some(500), Some("downfor a moment")),
            (Some(302), None),
            (Some(200), Some("thanks"))
        ]
    );
    assert_eq!(delivery.state, webhooks::DeliveryState::Delivered);
    let came = server.received_requests().await.unwrap();
    let ids: std::collections::BTreeSet<_> = came
        .iter()
        .map(|request| &request.headers["webhook-id"])
        .map(|id| id.to_str().unwrap())
        .collect();
    assert_eq!((came.len(), ids.len()), (3, 1));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_address_of_our_own_networks_is_not_called_though_it_was_let_in_before(pool: PgPool) {
    let server = receiver([ResponseTemplate::new(200)]).await;
    let world = World::new(pool, &server.uri()).await;
    world.lead("Ada").await;

    assert_eq!(world.round(&Guard::new(&[])).await, 1);

    assert!(server.received_requests().await.unwrap().is_empty());
    let tried = world.delivery().await.tries.remove(0);
    assert_eq!(
        tried.error.as_deref(),
        Some("it leads to an address that may not be called")
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn several_share_the_work_and_what_a_dead_one_had_in_hand_is_sent(pool: PgPool) {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    let world = World::new(pool, &server.uri()).await;
    for n in 0..8 {
        world.lead(&format!("lead {n}")).await;
    }
    let (dead, one, other) = (
        world.deliverer(&home()),
        world.deliverer(&home()),
        world.deliverer(&home()),
    );

    // It dies with three in hand: nothing of it runs any more.
    assert_eq!(dead.due(3).await.len(), 3);
    drop(dead);
    let stop = CancellationToken::new();
    let running = [
        tokio::spawn(one.run(stop.clone())),
        tokio::spawn(other.run(stop.clone())),
    ];
    // What arrived and is not written down yet would be sent once more.
    while world.delivered().await < 5 {
        tokio::task::yield_now().await;
    }
    world.clock.advance(Duration::from_mins(1));
    while world.delivered().await < 8 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    for running in running {
        running.await.unwrap();
    }

    let came = server.received_requests().await.unwrap();
    let ids: std::collections::BTreeSet<_> = came
        .iter()
        .map(|request| request.headers["webhook-id"].to_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        (came.len(), ids.len()),
        (8, 8),
        "something was sent twice or never"
    );
}
