//! Asks Slack whose token this is and what it may do, and says where to put our address.
//!
//! Source: <https://docs.slack.dev/reference/methods/auth.test>

use crate::{Slack, api, credentials::Credentials, errors};
use channel::{CheckError, Connected, Identity};
use http::HeaderMap;
use platform_api::tidy;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// The header in which Slack says what a token may do.
const SCOPES: &str = "x-oauth-scopes";
/// What the app needs, and what does not work without it.
pub(crate) const NEEDED: [(&str, &str); 6] = [
    ("app_mentions:read", "mentions in channels are not heard"),
    ("im:history", "direct messages are not heard"),
    ("files:read", "pictures and files are not read"),
    ("im:write", "nobody can be written to first"),
    (
        "channels:history",
        "in channels a reply whose sending was cut off may come twice",
    ),
    (
        "groups:history",
        "in private channels a reply whose sending was cut off may come twice",
    ),
];

/// Whose token it is.
#[derive(Deserialize)]
pub(crate) struct Me {
    url: Option<String>,
    team: Option<String>,
    team_id: Option<String>,
    user: Option<String>,
    /// The bot's own person.
    pub(crate) user_id: Option<String>,
    bot_id: Option<String>,
}

/// Whose token it is, if it is the right workspace's.
pub(crate) async fn who(slack: &Slack, credentials: &Credentials) -> Result<Me, CheckError> {
    ask(slack, credentials).await.map(|(me, _)| me)
}

async fn ask(slack: &Slack, credentials: &Credentials) -> Result<(Me, HeaderMap), CheckError> {
    credentials.validate()?;
    let answer = api::call_as::<Me>(slack, credentials, &credentials.bot_token, "auth.test", &[])
        .await
        .map_err(errors::checking)?;
    let me = answer.result;
    match &me.team_id {
        Some(team) if *team == credentials.team_id => Ok((me, answer.headers)),
        Some(team) => Err(CheckError::Misconfigured(format!(
            "the bot token is of the workspace {} ({}), and the workspace's id here is {}: enter {} as the workspace's id, or \
             the token of the app in the right workspace",
            tidy(me.team.as_deref().unwrap_or("without a name")),
            tidy(team),
            credentials.team_id,
            tidy(team),
        ))),
        None => Err(CheckError::Unreachable(
            "Slack does not say whose token it is".to_owned(),
        )),
    }
}

pub(crate) async fn check(slack: &Slack, credentials: &Credentials) -> Result<Identity, CheckError> {
    let (me, headers) = ask(slack, credentials).await?;
    if me.bot_id.is_none() {
        return Err(CheckError::Misconfigured(
            "the token is a person's: enter the Bot User OAuth Token, from OAuth & Permissions".to_owned(),
        ));
    }
    let mut details = Vec::new();
    details.extend(
        me.url
            .map(|url| format!("workspace {} ({})", credentials.team_id, tidy(&url))),
    );
    details.extend(missing_scopes(&headers)?);
    if let Some(token) = &credentials.app_token {
        // It makes an address that nobody has to use.
        let _: api::Brought<Value> = api::call_as(slack, credentials, token, "apps.connections.open", &[])
            .await
            .map_err(|failed| match errors::checking(failed) {
                CheckError::Unauthorized(words) => CheckError::Unauthorized(format!("app_token: {words}")),
                CheckError::Misconfigured(words) => CheckError::Misconfigured(format!(
                    "app_token: {words}. It needs the scope connections:write, and Socket Mode must be on"
                )),
                error => error,
            })?;
        details.push("Socket Mode works".to_owned());
    }
    let name =
        |name: Option<String>, otherwise: &str| name.map_or_else(|| otherwise.to_owned(), |name| tidy(&name));
    Ok(Identity {
        name: format!(
            "@{} in {}",
            name(me.user, "bot"),
            name(me.team, &credentials.team_id)
        ),
        details,
    })
}

/// What does not work. An error if nothing does.
fn missing_scopes(headers: &HeaderMap) -> Result<Vec<String>, CheckError> {
    let Some(scopes) = headers.get(SCOPES).and_then(|scopes| scopes.to_str().ok()) else {
        return Ok(Vec::new());
    };
    let has = |scope: &str| scopes.split(',').any(|given| given.trim() == scope);
    let hears = has("app_mentions:read") || has("im:history");
    if !has("chat:write") || !hears {
        let missing = if has("chat:write") {
            "app_mentions:read and im:history"
        } else {
            "chat:write"
        };
        return Err(CheckError::Misconfigured(format!(
            "the app lacks {missing}: add it under OAuth & Permissions, Bot Token Scopes, install the app again and enter its \
             token"
        )));
    }
    Ok(NEEDED
        .iter()
        .filter(|(scope, _)| !has(scope))
        .map(|(scope, without)| format!("without the scope {scope} {without}"))
        .collect())
}

/// Slack takes the address only by hand, or with a token of the person who made the app.
pub(crate) fn connect(webhook: &Url, credentials: &Credentials) -> Result<Connected, CheckError> {
    credentials.validate()?;
    let app = credentials.app_id.as_deref().map_or_else(
        || "https://api.slack.com/apps (choose the app)".to_owned(),
        |app| format!("https://api.slack.com/apps/{app}"),
    );
    let by_connection = if credentials.app_token.is_some() {
        " With the app-level token messages also come over Socket Mode, where it is turned on; then these addresses are not \
         used and can stay empty."
    } else {
        ""
    };
    Ok(Connected::Manual {
        instructions: format!(
            "Slack's API does not let an app's own token set its addresses. Open {app}. Under Event Subscriptions turn events on, \
             enter {webhook} as Request URL (Slack must show Verified), subscribe to the bot events app_mention and message.im, \
             and save. Under Interactivity & Shortcuts turn it on, enter {webhook} as Request URL, and save. For each slash \
             command enter {webhook} too. An app that was made from the manifest of the first step has all of that \
             already.{by_connection}"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeSlack};
    use serde_json::json;
    use wiremock::ResponseTemplate;

    const ALL: &str = "chat:write,app_mentions:read,im:history,files:read,im:write,channels:history,groups:history,mpim:history";

    async fn checked(me: Value, scopes: &str, credentials: Value) -> Result<Identity, CheckError> {
        let fake = FakeSlack::start().await;
        let mut body = me;
        body["ok"] = json!(true);
        let answer = ResponseTemplate::new(200)
            .insert_header(SCOPES, scopes)
            .set_body_json(body);
        fake.mount("auth.test", answer).await;
        fake.answers(
            "apps.connections.open",
            json!({"url": "wss://wss-primary.slack.com/link/?ticket=1"}),
        )
        .await;
        let checked = check(&fake.slack(), &fake::credentials_with(credentials)).await;
        fake.check_requests().await;
        checked
    }

    #[tokio::test]
    async fn a_good_token_shows_its_workspace_and_its_bot() {
        let identity = checked(fake::me(json!({})), ALL, json!({})).await.unwrap();

        assert_eq!(identity.name, "@botsmith in Acme");
        assert_eq!(identity.details, ["workspace T0001 (https://acme.slack.com/)"]);
    }

    #[tokio::test]
    async fn a_token_of_another_workspace_is_told_with_the_right_id() {
        let error = checked(
            fake::me(json!({"team_id": "T0002", "team": "Bcme"})),
            ALL,
            json!({}),
        )
        .await
        .unwrap_err();

        assert!(
            matches!(&error, CheckError::Misconfigured(words)
                if words.contains("Bcme (T0002)") && words.contains("enter T0002 as the workspace's id")),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn scopes_that_are_missing_are_named_with_what_they_are_for() {
        let lame = checked(fake::me(json!({})), "chat:write,im:history", json!({}))
            .await
            .unwrap();
        let dumb = checked(fake::me(json!({})), "im:history", json!({}))
            .await
            .unwrap_err();
        let deaf = checked(fake::me(json!({})), "chat:write", json!({}))
            .await
            .unwrap_err();

        assert!(
            lame.details
                .contains(&"without the scope files:read pictures and files are not read".to_owned()),
            "{:?}",
            lame.details
        );
        assert!(dumb.to_string().contains("lacks chat:write"), "{dumb}");
        assert!(
            deaf.to_string()
                .contains("lacks app_mentions:read and im:history"),
            "{deaf}"
        );
    }

    #[tokio::test]
    async fn a_persons_token_is_refused() {
        let error = checked(fake::me(json!({"bot_id": null})), ALL, json!({}))
            .await
            .unwrap_err();

        assert!(error.to_string().contains("Bot User OAuth Token"), "{error}");
    }

    #[tokio::test]
    async fn the_app_level_token_is_tried_too() {
        let identity = checked(fake::me(json!({})), ALL, json!({"app_token": "xapp-1-canary"}))
            .await
            .unwrap();
        let fake = FakeSlack::start().await;
        fake.answers("auth.test", fake::me(json!({}))).await;
        fake.refuses("apps.connections.open", "invalid_auth").await;
        let credentials = fake::credentials_with(json!({"app_token": "xapp-1-canary"}));

        let error = check(&fake.slack(), &credentials).await.unwrap_err();

        assert!(identity.details.contains(&"Socket Mode works".to_owned()));
        assert!(
            matches!(&error, CheckError::Unauthorized(words) if words.starts_with("app_token: invalid_auth")),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_dead_token_is_unauthorized() {
        let fake = FakeSlack::start().await;
        fake.refuses("auth.test", "account_inactive").await;

        let error = check(&fake.slack(), &fake::credentials()).await.unwrap_err();

        assert!(matches!(error, CheckError::Unauthorized(_)), "{error:?}");
    }

    #[test]
    fn what_to_paste_where_is_said_with_the_address() {
        let webhook: Url = "https://bot.acme.com/api/slack/webhook/1".parse().unwrap();
        let instructions = |changes: Value| match connect(&webhook, &fake::credentials_with(changes)).unwrap()
        {
            Connected::Manual { instructions } => instructions,
            Connected::Registered { .. } => panic!("nothing was registered"),
        };

        let known = instructions(json!({"app_id": "A0001", "app_token": "xapp-1-canary"}));
        let unknown = instructions(json!({}));

        assert!(
            known.contains("https://api.slack.com/apps/A0001. Under Event Subscriptions"),
            "{known}"
        );
        assert!(
            known.contains("Socket Mode") && !known.contains("canary"),
            "{known}"
        );
        assert_eq!(unknown.matches(webhook.as_str()).count(), 3, "{unknown}");
        assert!(!unknown.contains("Socket Mode"), "{unknown}");
    }
}
