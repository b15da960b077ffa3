use super::*;
use accounts::{Accounts, CREDENTIALS};
use actix_web::{App, test as actix};
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::IntegrationId;
use queue::{Queue, QueueName};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use std::time::Duration;
use store::Db;
use tokio_util::sync::{CancellationToken, DropGuard};
use vault::{Keyring, MasterKeys, Place};

const SECRET: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";

struct World {
    pool: PgPool,
    db: Db,
    keyring: Keyring,
    queue: Queue,
    gateway: Gateway,
    _stop: DropGuard,
}

#[derive(Clone, Copy)]
struct Bot {
    workspace: WorkspaceId,
    chatbot: ChatbotId,
    integration: IntegrationId,
}

impl World {
    async fn new(pool: PgPool) -> Self {
        let (db, stop) = (Db::of_pool(&pool), CancellationToken::new());
        let masters = MasterKeys::load(&vault::Settings {
            master_key: BASE64_STANDARD.encode([7; 32]).into(),
            ..Default::default()
        });
        let keyring = Keyring::new(db.clone(), masters.unwrap());
        let channels = platforms::registry(&platforms::Settings::default(), platforms::client().unwrap());
        let accounts = Accounts::new(db.clone(), keyring.clone(), channels.unwrap());
        let queue = Queue::open(&queue::Settings::default(), &db, stop.clone())
            .await
            .unwrap();
        let settings = crate::Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: "https://bots.example".parse().unwrap(),
            max_body_bytes: 100_000,
            body_timeout_seconds: 5,
            threads: 1,
            webhook_verify_token: "".into(),
            chat: crate::ChatSettings::default(),
        };
        let gateway = Gateway::new(settings, db.clone(), queue.clone(), accounts, &stop);
        Self {
            pool,
            db,
            keyring,
            queue,
            gateway,
            _stop: stop.drop_guard(),
        }
    }

    async fn run(&self, sql: String) {
        let sql = format!("set role botsmith_system; {sql}; reset role");
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Changes an integration behind everybody's back.
    async fn set(&self, integration: IntegrationId, change: &str) {
        self.run(format!(
            "update integrations set {change} where id = '{integration}'"
        ))
        .await;
    }

    /// A bot of a workspace of its own that is connected to a Page.
    async fn bot(&self, page: &str, app_secret: &str) -> Bot {
        let bot = Bot {
            workspace: WorkspaceId::new(),
            chatbot: ChatbotId::new(),
            integration: IntegrationId::new(),
        };
        let Bot {
            workspace,
            chatbot,
            integration,
        } = bot;
        self.run(format!(
            "insert into workspaces (id, name) values ('{workspace}', 'w');
             insert into chatbots (id, workspace_id, name, fallback_text) values ('{chatbot}', '{workspace}', 'b', 'f')"
        ))
        .await;
        let credentials =
            json!({"page_access_token": "t", "app_secret": app_secret, "page_id": page, "verify_token": "v"});
        let place = Place {
            row: integration.as_uuid(),
            column: CREDENTIALS,
        };
        let plain = credentials.to_string();
        let sealed = self
            .keyring
            .seal(workspace, place, plain.as_bytes())
            .await
            .unwrap();
        let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        self.run(format!(
            "insert into integrations (id, workspace_id, chatbot_id, platform, account, credentials, credentials_shown)
             values ('{integration}', '{workspace}', '{chatbot}', 'messenger', '{page}', '\\x{hex}', '{{}}')"
        ))
        .await;
        bot
    }

    /// Delivers one message to each of these Pages in one webhook: the answer's status.
    async fn deliver(&self, pages: &[&str]) -> u16 {
        self.deliver_to("/api/messenger/webhook", pages, SECRET).await
    }

    /// The same, to a bot's own address.
    async fn deliver_to_own(&self, bot: Bot, pages: &[&str]) -> u16 {
        let address = format!("/api/messenger/webhook/{}", bot.chatbot);
        self.deliver_to(&address, pages, SECRET).await
    }

    async fn deliver_to(&self, address: &str, pages: &[&str], secret: &str) -> u16 {
        let entries: Vec<Value> = pages
            .iter()
            .map(|page| {
                json!({"id": page, "messaging": [{"sender": {"id": "7"}, "timestamp": 1,
                    "message": {"mid": format!("m_{page}"), "text": "hi"}}]})
            })
            .collect();
        let body = json!({"object": "page", "entry": entries}).to_string();
        let app = actix::init_service(App::new().configure(|config| self.gateway.configure(config))).await;
        let signature = meta_graph::signature::sign(&secret.into(), body.as_bytes());
        let request = actix::TestRequest::post()
            .uri(address)
            .insert_header((meta_graph::signature::HEADER, signature))
            .set_payload(body)
            .to_request();
        actix::call_service(&app, request).await.status().as_u16()
    }

    async fn queued(&self) -> u64 {
        self.queue.depth(&QueueName::Inbound).await.unwrap()
    }

    /// What the owner of a bot reads.
    async fn log(&self, bot: Bot) -> Vec<String> {
        let mut tx = self.db.tenant(bot.workspace).await.unwrap();
        let filter = store::integration_logs::Filter::default();
        let entries = store::integration_logs::list(&mut tx, bot.chatbot, filter, None, 100).await;
        entries.unwrap().into_iter().map(|entry| entry.event).collect()
    }

    /// The same, once there is something.
    async fn awaited_log(&self, bot: Bot) -> Vec<String> {
        let written = async {
            loop {
                let log = self.log(bot).await;
                if !log.is_empty() {
                    return log;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), written)
            .await
            .unwrap()
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_integration_that_cannot_be_opened_keeps_nobody_elses_message_away(pool: PgPool) {
    let world = World::new(pool).await;
    let broken = world.bot("1", SECRET).await;
    world.bot("2", SECRET).await;
    let id = broken.integration;
    world.set(id, "credentials = '\\x00'").await;

    let status = world.deliver(&["1", "2"]).await;

    assert_eq!((status, world.queued().await), (200, 1));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_integration_that_was_just_deleted_keeps_nobody_elses_message_away(pool: PgPool) {
    let world = World::new(pool).await;
    let deleted = world.bot("1", SECRET).await;
    world.bot("2", SECRET).await;
    // Whose bots these are is known, and no event tells that one of them has gone.
    let messenger = Platform::from_static("messenger");
    let pages = ["1", "2"].map(str::to_owned);
    let known = world.gateway.accounts.bots_of_accounts(&messenger, &pages);
    assert_eq!(known.await.unwrap().len(), 2);
    world
        .run(format!(
            "delete from integrations where id = '{}'",
            deleted.integration
        ))
        .await;

    let status = world.deliver(&["1", "2"]).await;

    assert_eq!((status, world.queued().await), (200, 1));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s1_whoever_types_in_anothers_page_does_not_even_hear_when_it_is_written_to(pool: PgPool) {
    let world = World::new(pool).await;
    let stranger = world.bot("1", "0123456789abcdef0123456789abcdef").await;
    let owner = world.bot("1", SECRET).await;
    world.set(owner.integration, "state = 'connected'").await;
    let mistaken = world.bot("2", "0123456789abcdef0123456789abcdef").await;

    let status = world.deliver(&["1", "2"]).await;

    assert_eq!((status, world.queued().await), (200, 1));
    // What was told at the same time is written at the same time.
    assert_eq!(world.awaited_log(mistaken).await, ["webhook.refused"]);
    assert!(world.log(stranger).await.is_empty());
}

#[test]
fn what_will_be_taken_if_it_comes_again_is_asked_for_again() {
    let key = |error| GatewayError::Account(accounts::AccountError::Store(error));
    let gone = store::StoreError::Unavailable(sqlx::Error::PoolTimedOut);

    assert!(is_worth_another_try(&GatewayError::Receive(
        ReceiveError::Unavailable("the keys cannot be asked for".to_owned())
    )));
    assert!(is_worth_another_try(&key(gone)));
    assert!(!is_worth_another_try(&key(store::StoreError::Unreadable(
        String::new()
    ))));
    assert!(!is_worth_another_try(&GatewayError::Disabled(
        WebhookResponse::empty()
    )));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_comes_to_ones_own_address_is_passed_on_to_the_apps_other_accounts(pool: PgPool) {
    let world = World::new(pool).await;
    let own = world.bot("1", SECRET).await;
    world.bot("2", SECRET).await;

    let both = world.deliver_to_own(own, &["1", "2"]).await;
    assert_eq!((both, world.queued().await), (200, 2));
    let other = world.deliver_to_own(own, &["2"]).await;
    assert_eq!((other, world.queued().await), (200, 3));
    let nobody = world.deliver_to_own(own, &["3"]).await;

    assert_eq!((nobody, world.queued().await), (403, 3));
    assert_eq!(world.awaited_log(own).await, ["webhook.refused"]);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s1_what_is_passed_on_is_taken_only_by_whoever_proves_it_with_their_own_secret(pool: PgPool) {
    let world = World::new(pool).await;
    let own = world.bot("1", SECRET).await;
    world.bot("2", "0123456789abcdef0123456789abcdef").await;

    let both = world.deliver_to_own(own, &["1", "2"]).await;
    let other = world.deliver_to_own(own, &["2"]).await;

    assert_eq!((both, other, world.queued().await), (200, 401, 1));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_proven_webhook_to_an_integration_that_is_off_is_acknowledged_and_not_processed(pool: PgPool) {
    let world = World::new(pool).await;
    let off = world.bot("1", SECRET).await;
    world.set(off.integration, "enabled = false").await;
    let address = format!("/api/messenger/webhook/{}", off.chatbot);

    let forged = world
        .deliver_to(&address, &["1"], "0123456789abcdef0123456789abcdef")
        .await;
    let genuine = world.deliver_to_own(off, &["1"]).await;

    assert_eq!((forged, genuine, world.queued().await), (401, 200, 0));
    assert!(!world.awaited_log(off).await.is_empty());
}
