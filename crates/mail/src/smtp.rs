//! One mail, one connection.
//!
//! The rules of `egress` for addresses that tenants chose do not hold here: the server is named by an administrator of the
//! installation, who runs it, and a mail relay on a private address or on this very machine is the usual thing to have.
//! What a mail goes through is therefore as trusted as the database is, and nobody but administrators can name it.

use crate::letter::{self, Letter};
use domain::Language;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
        extension::ClientId,
    },
};
use secrecy::{ExposeSecret, SecretString};
use std::{net::IpAddr, time::Duration};
use store::mail_settings::{MailSettings, PASSWORD_COLUMN, Security};
use url::{Host, Url};
use uuid::Uuid;
use vault::{INSTALLATION, Keyring, Place, VaultError};

/// How long the server may take for one of its answers, and for all of them.
const ANSWER: Duration = Duration::from_secs(20);
pub(crate) const WHOLE: Duration = Duration::from_secs(60);

/// Why a mail was not sent, in words for the administrator.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Nobody answers there, or the connection broke.
    #[error("the mail server at {at} cannot be reached: {why}")]
    Unreachable {
        /// Host and port.
        at: String,
        /// What the system says.
        why: String,
    },
    /// The connection cannot be protected.
    #[error(
        "the connection to the mail server at {at} cannot be protected: {why}; look at the port and at how it is protected"
    )]
    Tls {
        /// Host and port.
        at: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server does not let us in.
    #[error("the mail server at {at} refuses to let us in: {said}; look at user and password")]
    SignIn {
        /// Host and port.
        at: String,
        /// What it said.
        said: String,
    },
    /// The server does not take this mail, and never will.
    #[error("the mail server at {at} refuses the mail: {said}")]
    Refused {
        /// Host and port.
        at: String,
        /// What it said.
        said: String,
    },
    /// The server does not take it now.
    #[error("the mail server at {at} does not take the mail: {said}")]
    NotNow {
        /// Host and port.
        at: String,
        /// What it said.
        said: String,
    },
    /// It took too long.
    #[error("the mail server at {at} does not answer in time")]
    Slow {
        /// Host and port.
        at: String,
    },
    /// A mail cannot be from or to such an address.
    #[error("{0:?} is no address that a mail can have")]
    Address(String),
    /// The password cannot be opened.
    #[error("the password of the mail server cannot be opened")]
    Vault(#[from] VaultError),
}

impl MailError {
    /// Whether no further try can succeed, whatever is done about the server.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Address(_))
    }
}

/// Refuses what mails cannot be from.
pub fn check_sender(sender: &str) -> Result<(), MailError> {
    mailbox(sender).map(|_| ())
}

/// Sends a mail that says that mail works, now.
pub async fn send_test(
    keyring: &Keyring,
    settings: &MailSettings,
    public_url: &Url,
    to: &str,
    language: Language,
) -> Result<(), MailError> {
    send(
        keyring,
        settings,
        public_url,
        to,
        letter::test(language, public_url),
    )
    .await
}

/// Sends a mail.
pub(crate) async fn send(
    keyring: &Keyring,
    settings: &MailSettings,
    public_url: &Url,
    to: &str,
    letter: Letter,
) -> Result<(), MailError> {
    let from = mailbox(&settings.sender)?;
    let id = format!("<{}@{}>", Uuid::now_v7(), from.email.domain());
    let message = Message::builder()
        .from(from)
        .to(mailbox(to)?)
        .subject(letter.subject)
        .message_id(Some(id))
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.expose_secret().to_owned())
        .map_err(|_| MailError::Address(to.to_owned()))?;
    let password = match &settings.password {
        Some(sealed) => Some(keyring.open_text(INSTALLATION, place(), sealed).await?),
        None => None,
    };
    let transport = transport(settings, public_url, password)?;
    let at = at(settings);
    match tokio::time::timeout(WHOLE, transport.send(message)).await {
        Err(_) => Err(MailError::Slow { at }),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(classify(at, &error)),
    }
}

/// Where the password of the mail server is sealed for.
pub(crate) const fn place() -> Place {
    Place {
        row: Uuid::nil(),
        column: PASSWORD_COLUMN,
    }
}

fn transport(
    settings: &MailSettings,
    public_url: &Url,
    password: Option<SecretString>,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
    let protected = || {
        TlsParameters::new_rustls(settings.host.clone()).map_err(|error| MailError::Tls {
            at: at(settings),
            why: error.to_string(),
        })
    };
    let tls = match settings.security {
        Security::Tls => Tls::Wrapper(protected()?),
        // Never in clear: what is in the way could take the offer of TLS out of the greeting.
        Security::StartTls => Tls::Required(protected()?),
        Security::None => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
        .port(settings.port)
        .hello_name(hello(public_url))
        .timeout(Some(ANSWER))
        .tls(tls);
    if let (Some(user), Some(password)) = (&settings.username, password) {
        builder = builder.credentials(Credentials::new(
            user.clone(),
            password.expose_secret().to_owned(),
        ));
    }
    Ok(builder.build())
}

/// Who we say we are: servers look askance at those who say nothing.
fn hello(public_url: &Url) -> ClientId {
    match public_url.host() {
        Some(Host::Domain(name)) => ClientId::Domain(name.to_owned()),
        Some(Host::Ipv4(address)) => ClientId::Ipv4(address),
        Some(Host::Ipv6(address)) => ClientId::Ipv6(address),
        None => ClientId::default(),
    }
}

fn mailbox(text: &str) -> Result<Mailbox, MailError> {
    text.parse().map_err(|_| MailError::Address(text.to_owned()))
}

fn at(settings: &MailSettings) -> String {
    match settings.host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]:{}", settings.port),
        _ => format!("{}:{}", settings.host, settings.port),
    }
}

/// What to do about it, from what the library says.
fn classify(at: String, error: &lettre::transport::smtp::Error) -> MailError {
    let said = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    if error.is_tls() {
        return MailError::Tls { at, why: said };
    }
    match error.status().map(u16::from) {
        // RFC 4954: who signs in is not known, has to sign in, or cannot sign in like this.
        Some(454 | 530..=538) => MailError::SignIn { at, said },
        // RFC 5321 section 4.2: the mail itself is refused.
        Some(550..=556) => MailError::Refused { at, said },
        Some(_) => MailError::NotNow { at, said },
        None if error.is_timeout() => MailError::Slow { at },
        // It offers no TLS, or no way to sign in that we know.
        None if error.is_client() => MailError::Tls { at, why: said },
        None => MailError::Unreachable { at, why: said },
    }
}
