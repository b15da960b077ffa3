//! A gateway on a port of its own, with a real worker and real senders behind it.

use crate::{ChatSettings, Service, Settings};
use accounts::{Accounts, CREDENTIALS};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::Utc;
use domain::{ApiKeyId, ChatbotId, IntegrationId, Platform, Role, WorkspaceId};
use futures_util::{StreamExt, stream::BoxStream};
use process::{clock::Clock, health::Readiness};
use queue::{LiveEvents, Queue};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgPool};
use std::time::Duration;
use store::{
    Db,
    api_keys::{NewApiKey, Scope},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use vault::{Keyring, MasterKeys, Place};

pub const IDENTITY_SECRET: &str = "0123456789abcdef0123456789abcdef";
pub const SITE: &str = "https://shop.example";
/// What a bot without knowledge says.
pub const FALLBACK: &str = "I do not know.";
const PATIENCE: Duration = Duration::from_secs(20);

pub struct World {
    pub db: Db,
    pub pool: PgPool,
    pub url: String,
    keyring: Keyring,
    queue: Queue,
    http: reqwest::Client,
    _stop: DropGuard,
}

#[derive(Default)]
pub struct Options {
    /// An endpoint that answers. Without one, bots quote their knowledge, of which they have none.
    pub model: Option<String>,
    pub chat: Option<ChatSettings>,
    /// A broker that is not there.
    pub no_queue: bool,
}

#[derive(Clone)]
pub struct Bot {
    pub workspace: WorkspaceId,
    pub chatbot: ChatbotId,
    /// An API key of the workspace.
    pub key: String,
}

impl World {
    pub async fn new(pool: PgPool) -> Self {
        Self::with(pool, Options::default()).await
    }

    pub async fn with(pool: PgPool, options: Options) -> Self {
        let (db, stop) = (Db::of_pool(&pool), CancellationToken::new());
        let masters = MasterKeys::load(&vault::Settings {
            master_key: BASE64_STANDARD.encode([7; 32]).into(),
            ..Default::default()
        });
        let keyring = Keyring::new(db.clone(), masters.unwrap());
        let channels = platforms::registry(&platforms::Settings::default(), platforms::client().unwrap());
        let accounts = Accounts::new(db.clone(), keyring.clone(), channels.unwrap());
        let queue = queue::Settings {
            url: if options.no_queue {
                "amqp://127.0.0.1:1"
            } else {
                ""
            }
            .into(),
            publish_timeout_ms: 500,
            ..queue::Settings::default()
        };
        let queue = Queue::open(&queue, &db, stop.clone()).await.unwrap();
        let settings = Settings {
            listen: ([127, 0, 0, 1], 0).into(),
            public_url: "https://bots.example".parse().unwrap(),
            max_body_bytes: 200_000,
            body_timeout_seconds: 5,
            threads: 1,
            webhook_verify_token: "".into(),
            chat: options.chat.unwrap_or_default(),
        };
        let service = Service::start(
            settings,
            db.clone(),
            queue.clone(),
            accounts.clone(),
            Readiness::default(),
        )
        .await
        .unwrap();
        let url = format!("http://{}", service.address());
        tokio::spawn(service.run(stop.clone()));
        if !options.no_queue {
            work(&db, &queue, &accounts, &keyring, options.model, &stop);
        }
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            db,
            pool,
            url,
            keyring,
            queue,
            http,
            _stop: stop.drop_guard(),
        }
    }

    /// The installation's keys.
    pub fn masters(&self) -> MasterKeys {
        self.keyring.masters().clone()
    }

    /// Everything that is told live from now on.
    pub fn live(&self) -> LiveEvents {
        self.queue.live().subscribe()
    }

    pub async fn run(&self, sql: String) {
        let sql = format!("set role botsmith_system; {sql}; reset role");
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// A bot of a workspace of its own, on both of our platforms.
    pub async fn bot(&self, name: &str) -> Bot {
        let (workspace, chatbot) = (WorkspaceId::new(), ChatbotId::new());
        self.run(format!(
            "insert into workspaces (id, name) values ('{workspace}', 'w');
             insert into chatbots (id, workspace_id, name, fallback_text)
             values ('{chatbot}', '{workspace}', '{name}', '{FALLBACK}')"
        ))
        .await;
        let rest = json!({"identity_secret": IDENTITY_SECRET});
        self.connect(workspace, chatbot, "rest", rest).await;
        let web = json!({"identity_secret": IDENTITY_SECRET, "allowed_origins": SITE});
        self.connect(workspace, chatbot, "web", web).await;
        let key = self.key(workspace, Role::Agent).await;
        Bot {
            workspace,
            chatbot,
            key,
        }
    }

    async fn connect(&self, workspace: WorkspaceId, chatbot: ChatbotId, platform: &str, credentials: Value) {
        let integration = IntegrationId::new();
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
            "insert into integrations (id, workspace_id, chatbot_id, platform, account, credentials, credentials_shown,
                                       sends_per_second, tokens)
             values ('{integration}', '{workspace}', '{chatbot}', '{platform}', '{platform}', '\\x{hex}', '{{}}', 500, 500)"
        ))
        .await;
    }

    pub async fn key(&self, workspace: WorkspaceId, role: Role) -> String {
        self.narrowed_key(workspace, role, Scope::default()).await
    }

    pub async fn narrowed_key(&self, workspace: WorkspaceId, role: Role, scope: Scope) -> String {
        let id = ApiKeyId::new();
        let key = format!("bsk_{id}_of_a_test");
        let hash = Sha256::digest(key.as_bytes()).to_vec();
        let new = NewApiKey {
            id,
            name: "test",
            prefix: "bsk_",
            key_hash: &hash,
            role,
            scope,
            created_by: None,
        };
        let mut tx = self.db.tenant(workspace).await.unwrap();
        store::api_keys::insert(&mut tx, &new, Utc::now()).await.unwrap();
        tx.commit().await.unwrap();
        key
    }

    pub fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        if token.is_empty() {
            request
        } else {
            request.bearer_auth(token)
        }
    }

    /// Posts to a bot's address.
    pub async fn post(&self, bot: &Bot, path: &str, token: &str, body: Value) -> (u16, Value) {
        let path = format!("/api/chat/{}/{path}", bot.chatbot);
        read(self.request(Method::POST, &path, token).json(&body)).await
    }

    /// Writes, and whatever is answered.
    pub async fn write(&self, bot: &Bot, token: &str, body: Value) -> (u16, Value) {
        self.post(bot, "messages", token, body).await
    }

    /// Uploads a file.
    pub async fn upload(
        &self,
        bot: &Bot,
        token: &str,
        query: &str,
        name: &str,
        bytes: &[u8],
    ) -> (u16, Value) {
        let head = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/html\r\n\r\n"
        );
        let body = [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat();
        let path = format!("/api/chat/{}/files?{query}", bot.chatbot);
        let request = self
            .request(Method::POST, &path, token)
            .header("content-type", "multipart/form-data; boundary=b");
        read(request.body(body)).await
    }

    /// The messages that a query finds.
    pub async fn list(&self, bot: &Bot, token: &str, query: &str) -> (u16, Value) {
        let path = format!("/api/chat/{}/messages?{query}", bot.chatbot);
        read(self.request(Method::GET, &path, token)).await
    }

    /// A visitor's token.
    pub async fn visitor(&self, bot: &Bot) -> String {
        let (status, session) = self.post(bot, "sessions", "", json!({})).await;
        assert_eq!(status, 201, "{session}");
        session["token"].as_str().unwrap().to_owned()
    }

    pub async fn listen(&self, bot: &Bot, token: &str, query: &str) -> Listener {
        let path = format!("/api/chat/{}/stream?{query}", bot.chatbot);
        Listener::of(self.request(Method::GET, &path, token)).await
    }
}

fn work(
    db: &Db,
    queue: &Queue,
    accounts: &Accounts,
    keyring: &Keyring,
    model: Option<String>,
    stop: &CancellationToken,
) {
    let settings = json!({
        "base_url": model.unwrap_or_default(), "model": "m", "time_limit_seconds": 10, "max_tokens": 300,
        "prompt_tokens": 4000, "allowed_private_cidrs": "127.0.0.0/8",
    });
    let models = models::Models::open(&serde_json::from_value(settings).unwrap()).unwrap();
    let knowledge =
        json!({"snapshot_bytes": 1_000_000, "refresh_wait_milliseconds": 100, "stale_seconds": 1});
    let retriever = knowledge::Retriever::new(db.clone(), serde_json::from_value(knowledge).unwrap());
    let settings = json!({
        "concurrent_turns": 8, "turns_per_workspace": 8, "turns_in_total": 8, "passages": 4, "history": 12,
        "max_media_bytes": 1_000_000, "stop_seconds": 1,
    });
    let worker = chat_worker::Service::start(
        serde_json::from_value(settings).unwrap(),
        db.clone(),
        queue.clone(),
        accounts.clone(),
        keyring.clone(),
        retriever,
        models,
        tools::Tools::open(&tools::Settings::default()).unwrap(),
        Clock::system(),
    );
    tokio::spawn(worker.run(stop.clone()));
    for platform in Platform::OWN {
        let settings = json!({
            "public_url": "https://bots.example", "concurrent_sends": 4, "sends_per_integration": 4, "stop_seconds": 1,
        });
        let sender = channel_sender::Service::start(
            serde_json::from_value(settings).unwrap(),
            platform,
            db.clone(),
            queue.clone(),
            accounts.clone(),
            Clock::system(),
        );
        tokio::spawn(sender.unwrap().run(stop.clone()));
    }
}

/// Status and JSON.
pub async fn read(request: RequestBuilder) -> (u16, Value) {
    let response = tokio::time::timeout(PATIENCE, request.send())
        .await
        .unwrap()
        .unwrap();
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    let json = serde_json::from_str(&body).unwrap_or(Value::String(body));
    (status, json)
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub event: String,
    pub id: Option<String>,
    pub data: Value,
}

/// Reads server-sent events.
pub struct Listener {
    pieces: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

impl Listener {
    pub async fn of(request: RequestBuilder) -> Self {
        let response: Response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            pieces: response.bytes_stream().boxed(),
            text: String::new(),
        }
    }

    /// The next event. `None`: the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(event) = parsed(&event) {
                    return Some(event);
                }
                continue;
            }
            let piece = tokio::time::timeout(PATIENCE, self.pieces.next())
                .await
                .expect("nothing came in time");
            self.text.push_str(std::str::from_utf8(&piece?.unwrap()).unwrap());
        }
    }

    /// The next event of this kind; others are passed over.
    pub async fn next_of(&mut self, kind: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream has ended");
            if event.event == kind {
                return event;
            }
        }
    }

    /// All that is left.
    pub async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn parsed(text: &str) -> Option<Event> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(str::to_owned)
    };
    let data = field("data")?;
    Some(Event {
        event: field("event").unwrap_or_else(|| "message".to_owned()),
        id: field("id"),
        data: serde_json::from_str(&data).unwrap_or(Value::String(data)),
    })
}
