//! What mails say, in English and in German.

use chrono::{DateTime, Utc};
use domain::{Language, Role};
use secrecy::{ExposeSecret, SecretString};
use store::invitations;
use url::Url;

/// A mail's subject and text.
pub(crate) struct Letter {
    pub subject: String,
    /// Has a link in it that works once.
    pub text: SecretString,
}

/// An invitation to a workspace.
pub(crate) fn invitation(
    language: Language,
    public_url: &Url,
    about: &invitations::Letter,
    link: &SecretString,
) -> Letter {
    let (workspace, until) = (&about.workspace, moment(language, about.expires_at));
    let (role, site, link) = (
        role(language, about.role),
        public_url.as_str(),
        link.expose_secret(),
    );
    let (subject, text) = match language {
        Language::En => {
            let who = about.invited_by.as_deref().unwrap_or("An owner");
            (
                format!("Invitation to {workspace}"),
                format!(
                    "Hello,\n\n{who} invites you to the workspace \"{workspace}\" on {site}, as {role}.\n\n\
                     Open this link to accept. It works once, until {until}:\n\n{link}\n\n\
                     If you do not know what this is about, you need not do anything.\n"
                ),
            )
        }
        Language::De => {
            let who = about.invited_by.as_deref().unwrap_or("Ein Eigentümer");
            (
                format!("Einladung zu {workspace}"),
                format!(
                    "Guten Tag,\n\n{who} lädt Sie in den Arbeitsbereich „{workspace}“ auf {site} ein, als {role}.\n\n\
                     Mit diesem Link nehmen Sie die Einladung an. Er gilt einmal, bis {until}:\n\n{link}\n\n\
                     Wenn Sie nicht wissen, worum es geht, brauchen Sie nichts zu tun.\n"
                ),
            )
        }
    };
    Letter {
        subject,
        text: text.into(),
    }
}

/// Choosing a new password.
pub(crate) fn reset(
    language: Language,
    public_url: &Url,
    until: DateTime<Utc>,
    link: &SecretString,
) -> Letter {
    let (until, site, link) = (moment(language, until), public_url.as_str(), link.expose_secret());
    let (subject, text) = match language {
        Language::En => (
            "Choose a new password",
            format!(
                "Hello,\n\nsomebody, probably you, asked for a new password for your account on {site}.\n\n\
                 Open this link to choose one. It works once, until {until}, and ends all your sessions:\n\n{link}\n\n\
                 If it was not you, you need not do anything: your password stays as it is.\n"
            ),
        ),
        Language::De => (
            "Neues Passwort wählen",
            format!(
                "Guten Tag,\n\njemand, vermutlich Sie, hat für Ihr Konto auf {site} ein neues Passwort angefordert.\n\n\
                 Mit diesem Link wählen Sie eines. Er gilt einmal, bis {until}, und beendet alle Ihre Sitzungen:\n\n{link}\n\n\
                 Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Ihr Passwort bleibt, wie es ist.\n"
            ),
        ),
    };
    Letter {
        subject: subject.to_owned(),
        text: text.into(),
    }
}

/// What an administrator sends to see whether mail works.
pub(crate) fn test(language: Language, public_url: &Url) -> Letter {
    let (subject, text) = match language {
        Language::En => (
            "Test mail of BotSmith",
            format!("Hello,\n\nmail of {public_url} arrives. There is nothing to do.\n"),
        ),
        Language::De => (
            "Testmail von BotSmith",
            format!("Guten Tag,\n\nMails von {public_url} kommen an. Es ist nichts zu tun.\n"),
        ),
    };
    Letter {
        subject: subject.to_owned(),
        text: text.into(),
    }
}

/// Which clock the reader lives by is not known: so UTC, and said.
fn moment(language: Language, at: DateTime<Utc>) -> String {
    match language {
        Language::En => at.format("%-d %B %Y, %H:%M UTC").to_string(),
        Language::De => at.format("%d.%m.%Y, %H:%M Uhr UTC").to_string(),
    }
}

/// As the dashboard calls them.
const fn role(language: Language, role: Role) -> &'static str {
    match (language, role) {
        (Language::En, Role::Viewer) => "viewer",
        (Language::En, Role::Agent) => "agent",
        (Language::En, Role::Admin) => "admin",
        (Language::En, Role::Owner) => "owner",
        (Language::De, Role::Viewer) => "Leser",
        (Language::De, Role::Agent) => "Mitarbeiter",
        (Language::De, Role::Admin) => "Verwalter",
        (Language::De, Role::Owner) => "Eigentümer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_says_in_the_readers_language_where_the_link_leads_and_until_when() {
        let url: Url = "https://bots.example.com".parse().unwrap();
        let until = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let link = SecretString::from("https://bots.example.com/link#reset=T0KEN");

        let english = reset(Language::En, &url, until, &link);
        let german = reset(Language::De, &url, until, &link);

        assert_eq!(english.subject, "Choose a new password");
        assert_eq!(german.subject, "Neues Passwort wählen");
        for (letter, when) in [
            (english, "15 January 2027, 08:00 UTC"),
            (german, "15.01.2027, 08:00 Uhr UTC"),
        ] {
            let text = letter.text.expose_secret();
            assert!(text.contains(link.expose_secret()), "{text}");
            assert!(text.contains(when), "{text}");
        }
    }
}
