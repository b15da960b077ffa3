//! Who asks: a program with an API key of the workspace, or a visitor with a token.

use super::{
    Chat,
    error::ChatError,
    hosting,
    identity::{self, Person},
    origin::Origin,
    place::{self, Place},
    token::{self, Visitor},
};
use accounts::{Account, Age};
use actix_web::{HttpRequest, http::header};
use chrono::Utc;
use domain::{ApiKeyId, ChatbotId, Platform, Role};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use store::api_keys::{self, KeyHolder, Scope};

/// No key of ours is longer.
const LONGEST_KEY: usize = 128;

const NO_KEY: ChatError = ChatError::Unauthenticated(
    "send Authorization: Bearer with an API key, or with a visitor's token from …/sessions",
);
const BAD_KEY: ChatError = ChatError::Unauthenticated("the API key is not known, or it has been revoked");
const BAD_TOKEN: ChatError =
    ChatError::Unauthenticated("the visitor's token has ended or is not valid here: begin another session");

/// Who asks.
pub enum Caller {
    /// A program of the owner's. It may name any person of its own integration.
    Program { account: Arc<Account>, key: ApiKeyId },
    /// A visitor, in the one conversation that their token opens.
    Visitor { account: Arc<Account>, visitor: Visitor },
}

/// Whom and what a program names; a visitor need not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Named<'n> {
    pub conversation: Option<&'n str>,
    pub user: Option<&'n str>,
    /// Instead of `user`: a JWT.
    pub identity: Option<&'n str>,
}

impl Caller {
    /// Of a request to a chatbot. A key needs this role.
    pub async fn of(
        chat: &Chat,
        chatbot: ChatbotId,
        request: &HttpRequest,
        origin: &Origin,
        role: Role,
    ) -> Result<Self, ChatError> {
        let bearer = bearer(request).ok_or(NO_KEY)?;
        if bearer.starts_with(token::PREFIX) {
            origin.check()?;
            return visitor(chat, chatbot, bearer).await;
        }
        let holder = key_holder(chat, bearer, role).await?;
        let account = chat.account(chatbot, &Platform::REST, Age::Kept).await?;
        if account.workspace != holder.workspace {
            return Err(ChatError::UnknownChatbot(chatbot.to_string()));
        }
        Ok(Self::Program {
            account,
            key: holder.id,
        })
    }

    /// The conversation that is meant. `begin` names one where a program names none.
    pub fn place(
        self,
        named: Named<'_>,
        begin: impl FnOnce(ApiKeyId, Option<&str>) -> Result<String, ChatError>,
    ) -> Result<(Place, Option<String>), ChatError> {
        match self {
            Self::Visitor { account, visitor } => {
                let other = named
                    .conversation
                    .is_some_and(|named| named != visitor.conversation);
                if other || named.user.is_some() || named.identity.is_some() {
                    return Err(ChatError::UnknownConversation);
                }
                let place = Place {
                    account,
                    contact: visitor.contact,
                    conversation: visitor.conversation,
                };
                Ok((place, visitor.name))
            }
            Self::Program { account, key } => {
                let person = vouched(&account, named)?;
                let (user, name) = match person {
                    Some(Person { user, name }) => (Some(user), name),
                    None => (None, None),
                };
                let conversation = match named.conversation {
                    Some(name) => place::checked_conversation(name)?.to_owned(),
                    None => begin(key, user.as_deref())?,
                };
                Ok((Place::of_user(account, user.as_deref(), conversation)?, name))
            }
        }
    }
}

/// The person that a program names.
fn vouched(account: &Account, named: Named<'_>) -> Result<Option<Person>, ChatError> {
    let Some(jwt) = named.identity else {
        return Ok(named.user.map(|user| Person {
            user: user.to_owned(),
            name: None,
        }));
    };
    let person = identity::of_jwt(jwt, &hosting(account)?.identity_secret)?;
    match named.user {
        Some(user) if user != person.user => Err(ChatError::invalid(
            "user",
            "is not the one that the identity names",
        )),
        _ => Ok(Some(person)),
    }
}

async fn visitor(chat: &Chat, chatbot: ChatbotId, bearer: &str) -> Result<Caller, ChatError> {
    // Its owner may just have changed the secret.
    for age in [Age::Kept, Age::Now] {
        let account = chat.account(chatbot, &Platform::WEB, age).await?;
        let secret = hosting(&account)?.identity_secret;
        if let Some(visitor) = token::read(bearer, account.integration, &secret, Utc::now()) {
            return Ok(Caller::Visitor { account, visitor });
        }
    }
    Err(BAD_TOKEN)
}

/// Who holds the key of a request that is about no one chatbot.
pub async fn holder(chat: &Chat, request: &HttpRequest, role: Role) -> Result<KeyHolder, ChatError> {
    key_holder(chat, bearer(request).ok_or(NO_KEY)?, role).await
}

async fn key_holder(chat: &Chat, key: &str, role: Role) -> Result<KeyHolder, ChatError> {
    if key.len() > LONGEST_KEY {
        return Err(BAD_KEY);
    }
    let hash = Sha256::digest(key.as_bytes());
    let holder = api_keys::holder(&chat.db, &hash, Utc::now())
        .await?
        .ok_or(BAD_KEY)?;
    if holder.role < role {
        return Err(ChatError::Forbidden(role));
    }
    // What a viewer may is reading.
    if holder.scope.read_only && role > Role::Viewer {
        return Err(ChatError::Narrowed("it only reads"));
    }
    if !holder.scope.covers(Scope::CONVERSATIONS) {
        return Err(ChatError::Narrowed("conversations are not among its areas"));
    }
    Ok(holder)
}

/// What the request shows, if it shows one thing.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut given = request.headers().get_all(header::AUTHORIZATION);
    let only = given.next()?.to_str().ok()?;
    if given.next().is_some() {
        return None;
    }
    let (scheme, token) = only.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
