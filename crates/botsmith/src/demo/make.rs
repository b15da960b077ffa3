//! Makes the demo's rows, and finds them again.

use super::{NUMBER, secret, shop};
use crate::shared::Shared;
use anyhow::Context;
use chrono::{DateTime, Utc};
use domain::{ApiKeyId, ChatbotId, IntegrationId, IntegrationMode, Platform, Role, SourceState, WorkspaceId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use simulator::demo::{ACCOUNT_SID, Demo};
use store::{
    TenantTx, api_keys, chatbots, installation,
    integrations::{self, NewCredentials, NewIntegration, SealedCredentials},
    sources, users, workspaces,
};
use vault::Place;

/// Under which name the installation remembers that it had its demo.
const NOTE: &str = "demo";

/// The demo, as it is in the database, and what cannot be read from there.
pub struct Made {
    pub workspace: WorkspaceId,
    pub chatbot: ChatbotId,
    pub auth_token: SecretString,
    pub api_key: SecretString,
}

/// What the installation remembers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Note {
    workspace: WorkspaceId,
    chatbot: ChatbotId,
    integration: IntegrationId,
}

/// The demo with its credentials: those of the file where it has them, else new ones. `None`: there is no demo, and
/// none is to be made, or its owner uses its bot for something else.
pub async fn find_or_make(shared: &Shared, known: Option<Demo>) -> anyhow::Result<Option<Made>> {
    let note = match installation::get(&shared.db, NOTE).await? {
        Some(note) => serde_json::from_value(note).context("the note of the demo")?,
        None if users::any_administrator(&shared.db).await? => return Ok(None),
        None => match begin(shared).await? {
            Some(note) => note,
            None => return Ok(None),
        },
    };
    let mut tx = shared.db.tenant(note.workspace).await?;
    if workspaces::get(&mut tx).await?.is_none() {
        return Ok(None);
    }
    let platform = Platform::from_static("twilio");
    let now = shared.clock.now();
    let made = match chatbots::get(&mut tx, note.chatbot).await? {
        None => Some(complete(shared, &mut tx, note, &platform, now).await?),
        Some(chatbot) if chatbot.archived_at.is_some() => None,
        Some(_) => match integrations::on_platform(&mut tx, note.chatbot, &platform).await? {
            Some(found) if is_ours(&found.integration, note) => match known {
                Some(demo) if demo.chatbot_id == note.chatbot.to_string() => Some(Made {
                    workspace: note.workspace,
                    chatbot: note.chatbot,
                    auth_token: demo.auth_token,
                    api_key: demo.api_key,
                }),
                // The file was lost: new credentials, for nobody else has these.
                _ => Some(renew(shared, &mut tx, note, &found.integration, now).await?),
            },
            _ => None,
        },
    };
    tx.commit().await?;
    Ok(made)
}

/// Whether everything the demo bot was given is in its knowledge.
pub async fn is_indexed(shared: &Shared, demo: &Demo) -> anyhow::Result<bool> {
    let mut tx = shared.db.tenant(demo.workspace_id.parse()?).await?;
    let sources = sources::list(&mut tx, demo.chatbot_id.parse()?, None, 10).await?;
    Ok(sources.iter().all(|source| source.state == SourceState::Ready))
}

fn is_ours(found: &integrations::Integration, note: Note) -> bool {
    found.id == note.integration && found.account == ACCOUNT_SID
}

/// Makes the workspace and the note of it. `None`: another process was first, and completes it.
async fn begin(shared: &Shared) -> anyhow::Result<Option<Note>> {
    let note = Note {
        workspace: WorkspaceId::new(),
        chatbot: ChatbotId::new(),
        integration: IntegrationId::new(),
    };
    let mut tx = shared.db.system().await?;
    workspaces::insert(&mut tx, note.workspace, "Demo").await?;
    if !installation::insert_if_absent(&mut tx, NOTE, &serde_json::to_value(note)?).await? {
        return Ok(None);
    }
    tx.commit().await.map_err(store::StoreError::from)?;
    Ok(Some(note))
}

async fn complete(
    shared: &Shared,
    tx: &mut TenantTx,
    note: Note,
    platform: &Platform,
    now: DateTime<Utc>,
) -> anyhow::Result<Made> {
    chatbots::insert(tx, note.chatbot, &shop::chatbot(), now).await?;
    for source in shop::sources(note.chatbot)? {
        sources::insert(tx, &source).await?;
    }
    let auth_token = secret();
    let new = NewIntegration {
        id: note.integration,
        chatbot: note.chatbot,
        platform: platform.clone(),
        display_name: "Simulated Twilio".to_owned(),
        enabled: true,
        sends_per_second: 10.0,
        conversation_gap: std::time::Duration::ZERO,
        mode: IntegrationMode::Webhook,
        streaming: false,
        credentials: credentials(shared, note, platform, &auth_token).await?,
    };
    integrations::insert(tx, &new, now).await?;
    for play in simulator::played::ALL {
        let credentials = play.credentials(auth_token.expose_secret());
        connect(
            shared,
            tx,
            note,
            Platform::from_static(play.name()),
            credentials,
            now,
        )
        .await?;
    }
    for own in [Platform::REST, Platform::WEB] {
        let credentials = json!({"identity_secret": secret().expose_secret()});
        connect(shared, tx, note, own, credentials, now).await?;
    }
    let api_key = new_api_key(tx, now).await?;
    Ok(Made {
        workspace: note.workspace,
        chatbot: note.chatbot,
        auth_token,
        api_key,
    })
}

/// Connects the bot to one more platform, where this installation has it: to its simulated account, or to one of our own.
async fn connect(
    shared: &Shared,
    tx: &mut TenantTx,
    note: Note,
    platform: Platform,
    credentials: serde_json::Value,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let id = IntegrationId::new();
    let Some(channel) = shared.accounts.channels().get(&platform) else {
        return Ok(());
    };
    let json = SecretString::from(credentials.to_string());
    let account = channel.account(&channel.open(&json)?)?;
    let place = Place {
        row: id.as_uuid(),
        column: integrations::CREDENTIALS_COLUMN,
    };
    let sealed = shared
        .keyring
        .seal(note.workspace, place, json.expose_secret().as_bytes())
        .await?;
    let setup = channel.setup();
    let display_name = if platform.is_own() {
        String::new()
    } else {
        format!("Simulated {}", setup.title)
    };
    let new = NewIntegration {
        id,
        chatbot: note.chatbot,
        platform,
        display_name,
        enabled: true,
        sends_per_second: setup.limits.sends_per_second,
        conversation_gap: setup.limits.conversation_gap,
        mode: IntegrationMode::Webhook,
        streaming: false,
        credentials: NewCredentials {
            account: account.clone(),
            sealed: SealedCredentials(sealed),
            shown: json!({"account": account}),
        },
    };
    integrations::insert(tx, &new, now).await?;
    Ok(())
}

async fn renew(
    shared: &Shared,
    tx: &mut TenantTx,
    note: Note,
    found: &integrations::Integration,
    now: DateTime<Utc>,
) -> anyhow::Result<Made> {
    let auth_token = secret();
    let credentials = credentials(shared, note, &found.platform, &auth_token).await?;
    let change = integrations::Change {
        display_name: &found.display_name,
        enabled: found.enabled,
        mode: found.mode,
        streaming: found.streaming,
        credentials: &credentials,
    };
    integrations::update(tx, found.id, &change, now).await?;
    let api_key = new_api_key(tx, now).await?;
    Ok(Made {
        workspace: note.workspace,
        chatbot: note.chatbot,
        auth_token,
        api_key,
    })
}

/// As the API would store them.
async fn credentials(
    shared: &Shared,
    note: Note,
    platform: &Platform,
    auth_token: &SecretString,
) -> anyhow::Result<NewCredentials> {
    let channel = shared
        .accounts
        .channels()
        .get(platform)
        .context("Twilio is no platform here")?;
    let json = json!({
        "account_sid": ACCOUNT_SID,
        "auth_token": auth_token.expose_secret(),
        "phone_number": NUMBER,
    })
    .to_string();
    let account = channel.account(&channel.open(&json.clone().into())?)?;
    let place = Place {
        row: note.integration.as_uuid(),
        column: integrations::CREDENTIALS_COLUMN,
    };
    let sealed = shared
        .keyring
        .seal(note.workspace, place, json.as_bytes())
        .await?;
    Ok(NewCredentials {
        account,
        sealed: SealedCredentials(sealed),
        shown: json!({"account_sid": ACCOUNT_SID, "auth_token": "••••", "phone_number": NUMBER}),
    })
}

/// A key that may read the demo's messages, for their journey, and ask its bot over the chat API.
async fn new_api_key(tx: &mut TenantTx, now: DateTime<Utc>) -> anyhow::Result<SecretString> {
    let issued = admin_api::issue_api_key();
    let new = api_keys::NewApiKey {
        id: ApiKeyId::new(),
        name: "botsmith simulate",
        prefix: &issued.prefix,
        key_hash: &issued.hash,
        role: Role::Agent,
        scope: store::api_keys::Scope::default(),
        created_by: None,
    };
    api_keys::insert(tx, &new, now).await?;
    Ok(issued.key)
}
