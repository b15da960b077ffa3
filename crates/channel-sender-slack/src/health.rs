//! Whether the app is still installed. Where Slack sends its events cannot be asked.

use crate::{Slack, account, credentials::Credentials};
use channel::CheckError;

/// The token works, and is this workspace's.
pub(crate) async fn health(slack: &Slack, credentials: &Credentials) -> Result<(), CheckError> {
    account::who(slack, credentials).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{self, FakeSlack};
    use channel_testkit::refuse_connections;
    use serde_json::json;

    #[tokio::test]
    async fn an_app_that_is_installed_is_well() {
        let fake = FakeSlack::start().await;
        fake.answers("auth.test", fake::me(json!({}))).await;

        health(&fake.slack(), &fake::credentials()).await.unwrap();

        fake.check_requests().await;
    }

    #[tokio::test]
    async fn an_app_that_was_removed_is_told_and_slacks_own_illness_is_not() {
        let fake = FakeSlack::start().await;
        fake.refuses("auth.test", "token_revoked").await;
        let away = fake::slack_at(&refuse_connections());

        let removed = health(&fake.slack(), &fake::credentials()).await.unwrap_err();
        let away = health(&away, &fake::credentials()).await.unwrap_err();

        assert!(
            matches!(&removed, CheckError::Unauthorized(words) if words.contains("install the app again")),
            "{removed:?}"
        );
        assert!(matches!(away, CheckError::Unreachable(_)), "{away:?}");
    }
}
