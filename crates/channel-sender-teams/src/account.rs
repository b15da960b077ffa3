//! Asks Microsoft whose credentials these are, and says where to enter our address: no API that a bot may call does.

use crate::{Teams, access, credentials::Credentials};
use channel::{CheckError, Connected, Identity};
use url::Url;

/// Whether Microsoft gives a token for these credentials, kept ones aside.
pub(crate) async fn check(teams: &Teams, credentials: &Credentials) -> Result<Identity, CheckError> {
    credentials.validate()?;
    access::prove(teams, credentials).await?;
    let mut details = vec![match &credentials.tenant_id {
        Some(tenant) => format!("single-tenant bot of tenant {tenant}"),
        None => "multi-tenant bot".to_owned(),
    }];
    if credentials.is_simulated() {
        details.push("simulated app: nothing is sent to Microsoft".to_owned());
    }
    Ok(Identity {
        name: credentials.app_id.clone(),
        details,
    })
}

pub(crate) fn connect(webhook: &Url, credentials: &Credentials) -> Result<Connected, CheckError> {
    credentials.validate()?;
    let warning = if webhook.scheme() == "https" || credentials.is_simulated() {
        ""
    } else {
        "Teams calls only addresses that begin with https://: first set this installation's public address (`public_url`) \
         to one. Then: "
    };
    Ok(Connected::Manual {
        instructions: format!(
            "{warning}Microsoft lets a bot's own credentials not set this. In the Azure portal open the Azure Bot with the \
             app id {app}, Settings, Configuration, enter {webhook} under Messaging endpoint and choose Apply; then under \
             Settings, Channels add Microsoft Teams. A bot made in the Teams Developer Portal has it under Tools, Bot \
             management, Configure, Endpoint address: {webhook}",
            app = credentials.app_id
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{APP, FakeTeams, TENANT, credentials, credentials_with};
    use channel_testkit::refuse_connections;
    use serde_json::json;
    use wiremock::ResponseTemplate;

    #[tokio::test]
    async fn good_credentials_name_their_app() {
        let fake = FakeTeams::start().await;

        let identity = check(&fake.teams(), &credentials_with(json!({"tenant_id": TENANT})))
            .await
            .unwrap();

        assert_eq!(identity.name, APP);
        assert_eq!(
            identity.details,
            [format!("single-tenant bot of tenant {TENANT}")]
        );
    }

    #[tokio::test]
    async fn a_check_asks_microsoft_though_a_token_is_kept() {
        let fake = FakeTeams::without_tokens().await;
        fake.token_once(
            ResponseTemplate::new(200).set_body_json(json!({"access_token": "t", "expires_in": 3600})),
        )
        .await;
        fake.token(ResponseTemplate::new(401).set_body_json(json!({"error": "invalid_client"})))
            .await;
        let teams = fake.teams();
        teams.access.get(&teams, &credentials()).await.unwrap();

        let error = check(&teams, &credentials()).await.unwrap_err();

        assert!(matches!(error, CheckError::Unauthorized(_)), "{error:?}");
    }

    #[tokio::test]
    async fn that_microsoft_cannot_be_asked_is_told_apart() {
        let teams = crate::fake::teams_at(&refuse_connections());

        let error = check(&teams, &credentials()).await.unwrap_err();

        assert!(matches!(error, CheckError::Unreachable(_)), "{error:?}");
    }

    #[test]
    fn the_owner_is_told_where_to_enter_which_address() {
        let instructions = |webhook: &str| match connect(&webhook.parse().unwrap(), &credentials()).unwrap() {
            Connected::Manual { instructions } => instructions,
            other => panic!("{other:?}"),
        };

        let webhook = "https://bot.acme.com/api/teams/webhook/1";
        let given = instructions(webhook);
        assert!(
            given.contains(webhook) && given.contains(APP) && given.contains("Messaging endpoint"),
            "{given}"
        );
        assert!(!given.contains("public_url"), "{given}");
        assert!(instructions("http://bot.acme.com/api/teams/webhook/1").contains("public_url"));
    }
}
