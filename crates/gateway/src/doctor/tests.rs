use super::*;
use crate::integration_log;
use accounts::Age;
use base64::{Engine, prelude::BASE64_STANDARD};
use channel::WebhookKind;
use chrono::Utc;
use domain::{ChatbotId, Platform, WorkspaceId};
use http::{HeaderMap, Method};
use sqlx::{AssertSqlSafe, PgPool};
use vault::{Keyring, MasterKeys, Place};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const PATH: &str = "/api/twilio/webhook/1";

struct World {
    db: Db,
    accounts: Accounts,
    account: Arc<Account>,
}

impl World {
    async fn new(pool: &PgPool) -> Self {
        let db = Db::of_pool(pool);
        let master_key = BASE64_STANDARD.encode([7; 32]).into();
        let masters = MasterKeys::load(&vault::Settings {
            master_key,
            ..Default::default()
        })
        .unwrap();
        let keyring = Keyring::new(db.clone(), masters);
        let settings = platforms::Settings::default();
        let channels = platforms::registry(&settings, platforms::client().unwrap()).unwrap();
        let accounts = Accounts::new(db.clone(), keyring.clone(), channels);
        let (workspace, chatbot, integration) = (WorkspaceId::new(), ChatbotId::new(), IntegrationId::new());
        let run = async |sql: String| {
            sqlx::raw_sql(AssertSqlSafe(format!(
                "set role botsmith_system; {sql}; reset role"
            )))
            .execute(pool)
            .await
            .unwrap();
        };
        run(format!(
            "insert into workspaces (id, name) values ('{workspace}', 'w');
             insert into chatbots (id, workspace_id, name, fallback_text) values ('{chatbot}', '{workspace}', 'b', 'f')"
        ))
        .await;
        let credentials =
            json!({"account_sid": ACCOUNT, "auth_token": "12345", "phone_number": "+14155550100"});
        let place = Place {
            row: integration.as_uuid(),
            column: accounts::CREDENTIALS,
        };
        let sealed = keyring
            .seal(workspace, place, credentials.to_string().as_bytes())
            .await
            .unwrap();
        let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        run(format!(
            "insert into integrations (id, workspace_id, chatbot_id, platform, account, credentials, credentials_shown)
             values ('{integration}', '{workspace}', '{chatbot}', 'twilio', '{ACCOUNT}', '\\x{hex}', '{{}}')"
        ))
        .await;
        let twilio = Platform::from_static("twilio");
        let account = accounts.of_chatbot(chatbot, &twilio, Age::Now).await.unwrap();
        Self {
            db,
            accounts,
            account: account.unwrap(),
        }
    }

    /// Has the doctor see webhooks; what was kept, and the log.
    async fn look_into(&self, webhooks: Vec<WebhookRequest>) -> (Vec<quarantine::Quarantined>, Vec<String>) {
        let (doctor, cases) = Doctor::new();
        let (log, lines) = IntegrationLog::new();
        for webhook in webhooks {
            assert!(doctor.see(&self.account, &webhook, PATH, "no proof"));
        }
        drop(doctor);
        practise(
            self.db.clone(),
            self.accounts.clone(),
            log,
            cases,
            CancellationToken::new(),
        )
        .await;
        let stop = CancellationToken::new();
        stop.cancel();
        integration_log::write(self.db.clone(), lines, stop).await;

        let mut tx = self.db.tenant(self.account.workspace).await.unwrap();
        let chatbot = self.account.chatbot;
        let kept = quarantine::list(&mut tx, chatbot, None, None, 100, Utc::now())
            .await
            .unwrap();
        let filter = store::integration_logs::Filter::default();
        let log = store::integration_logs::list(&mut tx, chatbot, filter, None, 100)
            .await
            .unwrap();
        (
            kept,
            log.iter()
                .map(|entry| format!("{} {} {}", entry.event, entry.message, entry.details))
                .collect(),
        )
    }
}

fn webhook(account: &str, signature: Option<&str>) -> WebhookRequest {
    let mut headers = HeaderMap::new();
    if let Some(signature) = signature {
        headers.insert("x-twilio-signature", signature.parse().unwrap());
    }
    WebhookRequest {
        kind: WebhookKind::Inbound,
        method: Method::POST,
        url: format!("https://bots.example{PATH}"),
        headers,
        body: format!("AccountSid={account}&Body=canary").into(),
        received_at: Utc::now(),
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_names_our_account_is_kept_sealed_and_comes_out_as_it_came_in(pool: PgPool) {
    let world = World::new(&pool).await;
    let webhook = webhook(ACCOUNT, Some("bm90IHRoaXMgb25l"));

    let (kept, log) = world.look_into(vec![webhook.clone()]).await;

    assert_eq!(kept.len(), 1);
    assert_eq!(
        (kept[0].cause.as_str(), kept[0].kind.as_str()),
        ("wrong_secret", "inbound")
    );
    assert!(kept[0].words.contains("auth token"), "{}", kept[0].words);
    assert!(
        log[0].starts_with("webhook.refused the request does not prove")
            && log[0].contains("kept for 72 hours"),
        "{log:?}"
    );
    assert!(log[0].contains(&kept[0].id.to_string()), "{log:?}");
    let mut tx = world.db.tenant(world.account.workspace).await.unwrap();
    let found = quarantine::get(&mut tx, world.account.chatbot, kept[0].id)
        .await
        .unwrap();
    let sealed = found.unwrap().sealed.unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("canary"));
    let opened = world
        .accounts
        .open_webhook(world.account.workspace, kept[0].id, &sealed)
        .await
        .unwrap();
    assert_eq!(opened, QuarantinedWebhook::of(webhook, PATH.to_owned()));
    let moved = world
        .accounts
        .open_webhook(world.account.workspace, QuarantineId::new(), &sealed)
        .await;
    assert!(moved.is_err(), "it opens for another row");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn what_names_another_account_or_none_is_told_and_not_kept(pool: PgPool) {
    let world = World::new(&pool).await;
    let foreign = webhook("AC00000000000000000000000000000009", Some("x"));
    let nameless = WebhookRequest {
        body: "Body=canary".into(),
        ..webhook(ACCOUNT, None)
    };

    let (kept, log) = world.look_into(vec![foreign, nameless]).await;

    assert!(kept.is_empty(), "{kept:?}");
    assert_eq!(log.len(), 2);
    assert!(log[1].contains("AC00000000000000000000000000000009") && log[1].contains("other_account"));
    assert!(log[0].contains("header is missing") && log[0].contains("missing_proof"));
    assert!(
        log.iter()
            .all(|line| !line.contains("canary") && !line.contains("kept")),
        "{log:?}"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_flood_at_one_integration_leaves_room_for_another_and_is_forgotten_when_it_is_over(pool: PgPool) {
    let world = World::new(&pool).await;
    let other = Arc::new(Account {
        integration: IntegrationId::new(),
        ..(*world.account).clone()
    });
    let (doctor, mut cases) = Doctor::new();
    let see = |account| doctor.see(account, &webhook(ACCOUNT, None), PATH, "no proof");

    let taken = (0..10_000).filter(|_| see(&world.account)).count();
    let others = see(&other);

    assert_eq!((taken, others), (WAITING_OF_ONE, true));
    while cases.try_recv().is_ok() {}
    assert!(see(&world.account), "places are not given back");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn large_webhooks_do_not_fill_memory(pool: PgPool) {
    let world = World::new(&pool).await;
    let (doctor, _cases) = Doctor::new();
    let large = WebhookRequest {
        body: vec![b'a'; 1024 * 1024].into(),
        ..webhook(ACCOUNT, None)
    };

    let taken = (0..100)
        .filter(|_| {
            let account = Account {
                integration: IntegrationId::new(),
                ..(*world.account).clone()
            };
            doctor.see(&Arc::new(account), &large, PATH, "no proof")
        })
        .count();

    assert_eq!(taken, 7, "eight mebibytes hold seven of one and their headers");
}
