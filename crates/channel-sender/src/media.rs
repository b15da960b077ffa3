//! Files of ours in a part's media: given an address for the time of the call, which is stored and logged nowhere.

use channel::{OutboundContent, SendError};
use chrono::{DateTime, TimeDelta, Utc};
use domain::WorkspaceId;
use uploads::{Addresses, LIFETIME, Reference, Unreachable};

/// An address that was made at the first attempt is the same at all that follow, so that a platform which is asked what it
/// has recognises it, while it opens its file at least this much longer.
const LEFT: TimeDelta = TimeDelta::days(1);

/// The addresses that stand in a content for the time of a call.
pub(crate) struct Made(Vec<(String, String)>);

/// Puts addresses in the place of what names files of ours. `is_own`: nobody has to reach us to fetch them but the person.
pub(crate) fn address(
    content: &mut OutboundContent,
    addresses: &Addresses,
    workspace: WorkspaceId,
    is_own: bool,
    first_attempt_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<Made, Unreachable> {
    let until = first_attempt_at
        .map(|first| first + LIFETIME)
        .filter(|until| *until > now + LEFT)
        .unwrap_or(now + LIFETIME);
    let mut made = Vec::new();
    for medium in &mut content.media {
        if let Some(file) = Reference::of(medium) {
            if !is_own {
                addresses.reachable()?;
            }
            let address = addresses.of(workspace, &file, until);
            made.push((address.clone(), file.to_string()));
            *medium = address;
        }
    }
    Ok(Made(made))
}

impl Made {
    /// The error without the addresses: platforms repeat in their answers what they could not fetch.
    pub(crate) fn hidden(&self, mut error: SendError) -> SendError {
        let (SendError::Retry { reason, .. }
        | SendError::Unauthorized { reason }
        | SendError::Rejected { reason, .. }
        | SendError::Ambiguous { reason }) = &mut error
        else {
            return error;
        };
        for (address, file) in &self.0 {
            *reason = reason.replace(address, file);
            // Cut short or written differently, its token is still one.
            if let Some(token) = address.rsplit('/').nth(1) {
                *reason = reason.replace(token, "…");
            }
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, prelude::BASE64_STANDARD};
    use domain::BlobId;
    use vault::MasterKeys;

    fn addresses(public_url: &str) -> Addresses {
        let masters = MasterKeys::load(&vault::Settings {
            master_key: BASE64_STANDARD.encode([7; 32]).into(),
            ..Default::default()
        });
        Addresses::new(masters.unwrap(), public_url.parse().unwrap())
    }

    fn content(media: &[String]) -> OutboundContent {
        OutboundContent {
            media: media.to_vec(),
            ..OutboundContent::default()
        }
    }

    fn token(address: &str) -> &str {
        address.rsplit('/').nth(1).unwrap()
    }

    #[test]
    fn a_retry_bears_the_same_address_until_it_would_soon_end() {
        let (workspace, first) = (WorkspaceId::new(), Utc::now());
        let file = Reference::new(BlobId::new(), "a.png");
        let addresses = addresses("https://bots.example");
        let at = |now| {
            let mut content = content(&[file.to_string(), "https://example.com/b.png".to_owned()]);
            address(&mut content, &addresses, workspace, false, Some(first), now).unwrap();
            assert_eq!(content.media[1], "https://example.com/b.png");
            content.media.remove(0)
        };

        let (now, soon, late) = (
            at(first),
            at(first + TimeDelta::days(5)),
            at(first + TimeDelta::days(8)),
        );

        assert_eq!(now, soon);
        assert_ne!(now, late);
        for (made, when) in [(now, first), (late, first + TimeDelta::days(8))] {
            assert!(addresses.opens(workspace, file.blob, token(&made), when));
        }
    }

    #[test]
    fn what_a_platform_says_of_an_address_is_told_without_its_token() {
        let addresses = addresses("https://bots.example");
        let mut content = content(&[Reference::new(BlobId::new(), "a.png").to_string()]);
        let now = Utc::now();
        let made = address(&mut content, &addresses, WorkspaceId::new(), false, None, now).unwrap();
        let token = token(&content.media[0]).to_owned();

        for said in [content.media[0].clone(), format!("https%3A%2F%2Fbots%2F{token}")] {
            let error = made.hidden(SendError::Rejected {
                code: None,
                reason: format!("cannot fetch {said}"),
            });
            assert!(!format!("{error} {error:?}").contains(&token), "{error}");
        }
    }

    #[test]
    fn an_installation_that_platforms_cannot_reach_sends_files_to_its_own_people_only() {
        let addresses = addresses("http://127.0.0.1:8080");
        let media = [Reference::new(BlobId::new(), "a.png").to_string()];
        let of = |is_own| {
            let mut content = content(&media);
            address(
                &mut content,
                &addresses,
                WorkspaceId::new(),
                is_own,
                None,
                Utc::now(),
            )
            .is_ok()
        };

        assert!(of(true));
        assert!(!of(false));
    }
}
