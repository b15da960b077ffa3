//! The API over real HTTP, with a real database and the queue that lives in it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod administration;
mod analytics;
mod budgets;
mod chatbots;
mod conversations;
mod dashboard;
mod docs;
mod events;
mod fail_closed;
mod golden;
mod idempotency;
mod impersonation;
mod inbox;
mod integrations;
mod invitations;
mod knowledge;
mod leads;
mod mail;
mod members;
mod open_sessions;
mod origin;
mod people;
mod pigeon;
mod quarantine;
mod revenue;
mod scopes;
mod second_factor;
mod secrets;
mod sending;
mod sign_in;
mod sources;
mod tenants;
mod tools;
mod transfer;
mod unanswered;
mod uploaded;
mod versions;
mod walk;
mod webhooks;
mod widget;
mod writes;

use crate::{AdminApi, Service, Settings, setup};
use accounts::Accounts;
use base64::{Engine, prelude::BASE64_STANDARD};
use channel::Registry;
use chrono::{DateTime, Utc};
use domain::{ApiKeyId, Role, SessionId, UserId, WorkspaceId};
use process::{clock::Clock, health::Readiness};
use reqwest::{Method, StatusCode, header::HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::{net::SocketAddr, time::Duration};
use store::Db;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;
use vault::{Keyring, MasterKeys};

/// Passes [`crate::password::check`].
pub const PASSWORD: &str = "correct horse battery";

/// At most, streams included: whoever reads an endless one to its end fails, and does not wait for ever.
const AN_ANSWER_TAKES: Duration = Duration::from_secs(90);

/// The API, running, with an empty database.
pub struct World {
    pub pool: PgPool,
    pub db: Db,
    pub api: AdminApi,
    pub clock: Clock,
    pub keyring: Keyring,
    pub accounts: Accounts,
    http: reqwest::Client,
    address: SocketAddr,
    _stop: DropGuard,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|_| panic!("not JSON: {} {:?}", self.status, self.text))
    }

    /// The session cookie that it sets, as a browser would send it back.
    pub fn cookie(&self) -> Option<String> {
        let set = self.headers.get("set-cookie")?.to_str().unwrap();
        Some(set.split(';').next().unwrap().to_owned())
    }

    /// A problem of this status; its detail.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let body = self.json();
        assert_eq!(body["status"], status);
        assert_eq!(body["request_id"], self.headers["x-request-id"].to_str().unwrap());
        body["detail"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum As {
    Nobody,
    Cookie(String),
    Key(String),
}

/// A time that does not move unless a test moves it.
pub fn start_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(Utc::now().timestamp_micros()).unwrap()
}

pub fn settings() -> Settings {
    Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        public_url: "https://bots.example.com".parse().unwrap(),
        insecure_cookies: false,
        trusted_proxies: 0,
        max_body_bytes: 64 * 1024,
        max_upload_bytes: 128 * 1024,
        workers: 1,
        stripe_api_url: crate::settings::usual_stripe(),
    }
}

pub fn keyring(db: &Db) -> Keyring {
    keyring_of(db, 7, &[])
}

/// Whose master keys consist of these bytes.
fn keyring_of(db: &Db, current: u8, previous: &[u8]) -> Keyring {
    let key = |byte: u8| SecretString::from(BASE64_STANDARD.encode([byte; 32]));
    let masters = MasterKeys::load(&vault::Settings {
        master_key: key(current),
        master_key_file: None,
        previous_master_keys: previous.iter().map(|&byte| key(byte)).collect(),
    })
    .unwrap();
    Keyring::new(db.clone(), masters)
}

impl World {
    pub async fn new(pool: PgPool) -> Self {
        Self::with(pool, settings()).await
    }

    pub async fn with(pool: PgPool, settings: Settings) -> Self {
        let db = Db::of_pool(&pool);
        Self::over(pool, db, settings).await
    }

    pub async fn over(pool: PgPool, db: Db, settings: Settings) -> Self {
        Self::of(pool, db, settings, pigeon::Pigeon::default()).await
    }

    /// Over the same database, with other master keys.
    pub async fn with_master_keys(pool: PgPool, current: u8, previous: &[u8]) -> Self {
        let db = Db::of_pool(&pool);
        let keyring = keyring_of(&db, current, previous);
        Self::put_together(pool, db, settings(), pigeon::Pigeon::default(), keyring).await
    }

    pub async fn of(pool: PgPool, db: Db, settings: Settings, pigeon: pigeon::Pigeon) -> Self {
        let keyring = keyring(&db);
        Self::put_together(pool, db, settings, pigeon, keyring).await
    }

    async fn put_together(
        pool: PgPool,
        db: Db,
        settings: Settings,
        pigeon: pigeon::Pigeon,
        keyring: Keyring,
    ) -> Self {
        let stop = CancellationToken::new();
        let queue = queue::Queue::open(&queue::Settings::default(), &db, stop.clone())
            .await
            .unwrap();
        let clock = Clock::manual(start_of_time());
        let channels = Registry::new([channel::ChannelHandle::new(pigeon)]).unwrap();
        let accounts = Accounts::new(db.clone(), keyring.clone(), channels);
        let api = AdminApi::new(
            settings,
            db.clone(),
            queue,
            keyring.clone(),
            accounts.clone(),
            ::tools::Tools::open(&::tools::Settings::default()).unwrap(),
            clock.clone(),
        )
        .unwrap();
        let knowledge =
            json!({"snapshot_bytes": 1_000_000, "refresh_wait_milliseconds": 1_000, "stale_seconds": 0});
        let retriever = ::knowledge::Retriever::new(db.clone(), serde_json::from_value(knowledge).unwrap());
        let models = json!({
            "time_limit_seconds": 5, "max_tokens": 300, "prompt_tokens": 4000, "allowed_private_cidrs": "127.0.0.0/8",
            "provider": "ollama", "model": "of the file",
        });
        let models = ::models::Models::open(&serde_json::from_value(models).unwrap()).unwrap();
        let api = api.with_retriever(retriever, 6).with_models(models);
        let service = Service::start(api.clone(), Readiness::new()).await.unwrap();
        let address = service.address();
        let guard = stop.clone().drop_guard();
        // A thread and a runtime of its own, as in a process of its own.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(service.run(stop)).unwrap();
        });
        Self {
            pool,
            db,
            api,
            clock,
            keyring,
            accounts,
            http: reqwest::Client::builder()
                .timeout(AN_ANSWER_TAKES)
                .build()
                .unwrap(),
            address,
            _stop: guard,
        }
    }

    pub fn request(&self, method: Method, path: &str, who: &As) -> reqwest::RequestBuilder {
        let request = self
            .http
            .request(method, format!("http://{}{path}", self.address));
        match who {
            As::Nobody => request,
            As::Cookie(cookie) => request
                .header("cookie", cookie)
                .header("x-requested-with", "test"),
            As::Key(key) => request.bearer_auth(key),
        }
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer {
            status,
            headers,
            text: response.text().await.unwrap(),
        }
    }

    pub async fn get(&self, path: &str, who: &As) -> Answer {
        self.send(self.request(Method::GET, path, who)).await
    }

    pub async fn post(&self, path: &str, who: &As, body: Value) -> Answer {
        self.send(self.request(Method::POST, path, who).json(&body)).await
    }

    pub async fn patch(&self, path: &str, who: &As, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path, who).json(&body))
            .await
    }

    pub async fn put(&self, path: &str, who: &As, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path, who).json(&body)).await
    }

    pub async fn delete(&self, path: &str, who: &As) -> Answer {
        self.send(self.request(Method::DELETE, path, who)).await
    }

    /// The first administrator, signed in, with their workspace.
    pub async fn administrator(&self) -> (As, WorkspaceId) {
        let link = setup::setup_link(&self.db, &self.api.settings().public_url, self.api.now())
            .await
            .unwrap()
            .unwrap();
        let answer = self
            .post(
                "/api/setup",
                &As::Nobody,
                json!({"token": token_of(&link.url), "email": "root@example.test", "password": PASSWORD}),
            )
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let workspace = answer.json()["workspaces"][0]["id"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        (As::Cookie(answer.cookie().unwrap()), workspace)
    }

    /// A person with this role in the workspace, signed in; without the slow way over a password.
    pub async fn person(&self, workspace: WorkspaceId, role: Role) -> (As, UserId) {
        let (user, now) = (UserId::new(), self.api.now());
        let token = crate::token::new("");
        let mut tx = self.db.system().await.unwrap();
        let email = format!("{role}.{}@example.test", user.as_uuid().simple());
        store::users::insert(&mut tx, user, &email, "", None, false, now)
            .await
            .unwrap();
        store::memberships::add(&mut tx, workspace, user, role, now)
            .await
            .unwrap();
        let session = store::sessions::NewSession {
            id: SessionId::new(),
            token_hash: &crate::token::hash(&token).unwrap(),
            user,
            expires_at: now + chrono::Duration::days(30),
            ip: None,
            user_agent: None,
            impersonation: None,
        };
        store::sessions::insert(&mut tx, &session, now).await.unwrap();
        tx.commit().await.unwrap();
        (
            As::Cookie(format!("__Host-botsmith={}", token.expose_secret())),
            user,
        )
    }

    /// A key with this role in the workspace.
    pub async fn key(&self, workspace: WorkspaceId, role: Role) -> (As, ApiKeyId) {
        let (id, key) = (ApiKeyId::new(), crate::token::new("bsk_"));
        let mut tx = self.db.tenant(workspace).await.unwrap();
        let new = store::api_keys::NewApiKey {
            id,
            name: "test",
            prefix: "bsk_",
            key_hash: &crate::token::hash(&key).unwrap(),
            role,
            scope: store::api_keys::Scope::default(),
            created_by: None,
        };
        store::api_keys::insert(&mut tx, &new, self.api.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        (As::Key(key.expose_secret().to_owned()), id)
    }

    pub async fn workspace(&self, name: &str) -> WorkspaceId {
        let id = WorkspaceId::new();
        let mut tx = self.db.system().await.unwrap();
        store::workspaces::insert(&mut tx, id, name).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// A workspace with a chatbot that has a working integration, and its owner.
    pub async fn shop(&self) -> Shop {
        let workspace = self.workspace("Shop").await;
        let (owner, _) = self.person(workspace, Role::Owner).await;
        let chatbot = self
            .post(
                &format!("/api/workspaces/{workspace}/chatbots"),
                &owner,
                json!({"name": "Help"}),
            )
            .await
            .ok(201)["id"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let integration = self
            .post(
                &format!("/api/integrations/{chatbot}"),
                &owner,
                json!({"platform": "twilio", "credentials": pigeon::good()}),
            )
            .await
            .ok(201)["id"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        Shop {
            workspace,
            owner,
            chatbot,
            integration,
        }
    }
}

/// See [`World::shop`].
pub struct Shop {
    pub workspace: WorkspaceId,
    pub owner: As,
    pub chatbot: Uuid,
    pub integration: Uuid,
}

/// What stands behind the `#` of a one-time link.
pub fn token_of(url: &SecretString) -> String {
    url.expose_secret().split_once('=').unwrap().1.to_owned()
}
