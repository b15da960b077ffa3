use super::*;
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{ChatbotId, ContactId, ConversationId, IntegrationId, MessageId, PartId, WorkspaceId};
use sqlx::{AssertSqlSafe, PgPool};
use vault::{Keyring, MasterKeys, Place};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

/// The number that WhatsApp is never asked about.
const NUMBER: &str = "000000000000000";

/// A part whose first call ended without an answer, on a platform that cannot be asked what became of it.
struct World {
    pool: PgPool,
    db: Db,
    platform: MockServer,
    delivery: Delivery,
}

impl World {
    async fn new(pool: PgPool, answer: ResponseTemplate) -> Self {
        let platform = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&platform).await;
        let db = Db::of_pool(&pool);
        let masters = MasterKeys::load(&vault::Settings {
            master_key: BASE64_STANDARD.encode([7; 32]).into(),
            ..Default::default()
        });
        let keyring = Keyring::new(db.clone(), masters.unwrap());
        let settings = platforms::Settings {
            whatsapp_simulator_url: Some(platform.uri().parse().unwrap()),
            ..platforms::Settings::default()
        };
        let channels = platforms::registry(&settings, platforms::client().unwrap()).unwrap();
        let world = Self {
            delivery: Delivery {
                db: db.clone(),
                accounts: Accounts::new(db.clone(), keyring.clone(), channels),
                clock: Clock::system(),
                platform: Platform::from_static("whatsapp"),
                public_url: "https://bots.example".parse().unwrap(),
                give_up: CancellationToken::new(),
            },
            pool,
            db,
            platform,
        };
        world.fill(&keyring).await;
        world
    }

    async fn fill(&self, keyring: &Keyring) {
        let (workspace, chatbot, integration) = (WorkspaceId::new(), ChatbotId::new(), IntegrationId::new());
        let (contact, conversation) = (ContactId::new(), ConversationId::new());
        let (message, part) = (MessageId::new(), PartId::new());
        self.run(format!(
            "insert into workspaces (id, name) values ('{workspace}', 'w');
             insert into chatbots (id, workspace_id, name, fallback_text) values ('{chatbot}', '{workspace}', 'b', 'f')"
        ))
        .await;
        let place = Place {
            row: integration.as_uuid(),
            column: accounts::CREDENTIALS,
        };
        let credentials =
            serde_json::json!({"access_token": "t", "app_secret": "s", "phone_number_id": NUMBER,
            "waba_id": "1", "verify_token": "v"})
            .to_string();
        let sealed = keyring
            .seal(workspace, place, credentials.as_bytes())
            .await
            .unwrap();
        let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        self.run(format!(
            "insert into integrations (id, workspace_id, chatbot_id, platform, account, credentials, credentials_shown)
             values ('{integration}', '{workspace}', '{chatbot}', 'whatsapp', '{NUMBER}', '\\x{hex}', '{{}}');
             insert into contacts (id, workspace_id, integration_id, key)
             values ('{contact}', '{workspace}', '{integration}', '15550001');
             insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key, last_inbound_at)
             values ('{conversation}', '{workspace}', '{chatbot}', '{integration}', '{contact}', '{NUMBER}/15550001', now());
             insert into messages (id, workspace_id, conversation_id, direction, sender, text, accepted_at)
             values ('{message}', '{workspace}', '{conversation}', 'outbound', 'bot', 'hi', now());
             insert into parts (id, workspace_id, integration_id, conversation_id, message_id, platform, position, sender,
                                content, state, due_at, attempts, first_attempt_at)
             values ('{part}', '{workspace}', '{integration}', '{conversation}', '{message}', 'whatsapp', 1, 'bot',
                     '{{\"text\": \"hi\"}}', 'uncertain', now(), 1, now())"
        ))
        .await;
    }

    async fn run(&self, sql: String) {
        let sql = format!("set role botsmith_system; {sql}; reset role");
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Delivers what is due: the part's state and what is said of it, and how often the platform was called.
    async fn deliver(&self) -> (String, String, usize) {
        let delivery = &self.delivery;
        let lease = TimeDelta::seconds(30);
        let claims = parts::claim(&self.db, &delivery.platform, delivery.clock.now(), lease, 10, 10).await;
        for claim in claims.unwrap() {
            delivery.deliver(&claim).await;
        }
        let (state, error): (String, Option<String>) = sqlx::query_as("select state, error from parts")
            .fetch_one(&self.pool)
            .await
            .unwrap();
        let calls = self.platform.received_requests().await.unwrap().len();
        (state, error.unwrap_or_default(), calls)
    }
}

fn taken() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(serde_json::json!({"messages": [{"id": "wamid.1"}]}))
}

fn refused(code: i64) -> ResponseTemplate {
    ResponseTemplate::new(400)
        .set_body_json(serde_json::json!({"error": {"message": "no", "type": "x", "code": code}}))
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_may_have_arrived_is_sent_once_more_where_nobody_can_say(pool: PgPool) {
    let world = World::new(pool, taken()).await;

    let (state, _, calls) = world.deliver().await;

    assert_eq!((state.as_str(), calls), ("sent", 1));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn nobody_who_has_said_stop_is_written_to_again_for_an_unknown_outcome(pool: PgPool) {
    let world = World::new(pool, taken()).await;
    world
        .run("update contacts set opted_out_at = now()".to_owned())
        .await;

    let (state, error, calls) = world.deliver().await;

    assert_eq!((state.as_str(), calls), ("dead", 0));
    assert!(
        error.contains("whether it arrived is not known") && error.contains("opted out"),
        "{error}"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn after_the_reply_window_nothing_is_sent_again_for_an_unknown_outcome(pool: PgPool) {
    let world = World::new(pool, taken()).await;
    world
        .run("update conversations set last_inbound_at = now() - interval '25 hours'".to_owned())
        .await;

    let (state, error, calls) = world.deliver().await;

    assert_eq!((state.as_str(), calls), ("dead", 0));
    assert!(error.contains("24 hours"), "{error}");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_refused_resend_leaves_what_was_unknown_unknown(pool: PgPool) {
    let world = World::new(pool, refused(130_429)).await;

    let (state, _, calls) = world.deliver().await;

    assert_eq!((state.as_str(), calls), ("uncertain", 1));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_resend_that_the_platform_will_never_take_may_have_arrived_before(pool: PgPool) {
    let world = World::new(pool, refused(131_026)).await;

    let (state, _, _) = world.deliver().await;

    let may_have_arrived: bool = sqlx::query_scalar("select may_have_arrived from dead_letters")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!((state.as_str(), may_have_arrived), ("dead", true));
}
