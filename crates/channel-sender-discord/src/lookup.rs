//! Finds a message whose sending had an unknown outcome in the channel itself.
//!
//! A message that is sent again within minutes is told by its nonce, and Discord makes no second one; but an outcome may
//! stay unknown for longer than that, and answers to interactions have no nonce. So the channel is asked: what the bot
//! wrote there since the first attempt, with exactly this text, may be the part. Where the bot may not read the channel,
//! nothing is found, and the nonce alone has to do.
//!
//! Source: <https://docs.discord.com/developers/resources/message#get-channel-messages>

use crate::{
    Discord,
    account::Me,
    api::App,
    credentials::Credentials,
    errors::repeatable,
    interaction::Pending,
    message::{LOADING, Message},
    outbound::{is_first, nonce, sent, written},
    place::Place,
    snowflake,
};
use channel::{OutboundPart, SendError, Sent};
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;

/// How far Discord's clock may be behind ours.
const SKEW: TimeDelta = TimeDelta::seconds(2);
/// The most that Discord lists at once. With `after` it lists the oldest of them.
const PAGE: usize = 100;
/// Pages read: a channel in which more is written than that does not say in time what became of a message.
const MAX_PAGES: usize = 5;

/// The messages that may be this part, the newest first.
pub(crate) async fn find(
    discord: &Discord,
    part: &OutboundPart,
    first_attempt: DateTime<Utc>,
    credentials: &Credentials,
) -> Result<Vec<Sent>, SendError> {
    let (app, place) = (App::new(discord, credentials), Place::of(&part.conversation)?);
    let since = snowflake::at(first_attempt - SKEW);
    // What takes the place of "thinking" is as old as that.
    let pending =
        Pending::any_of(part.reply_to.as_ref(), &credentials.application_id).filter(|_| is_first(part));
    let interaction: Option<u64> = pending.as_ref().and_then(|pending| pending.id.parse().ok());
    let from = interaction.map_or(since, |interaction| interaction.min(since));
    let (nonce, text) = (nonce(part), written(&part.content));
    let us: Me = app.get("users/@me").await.map_err(repeatable)?;
    let mut found: Vec<(u64, Sent)> = Vec::new();
    let mut after = from.saturating_sub(1);
    for _ in 0..MAX_PAGES {
        let page = match list(&app, &place, after).await? {
            Some(page) => page,
            None => return Ok(Vec::new()),
        };
        let (length, newest) = (page.len(), page.iter().filter_map(number).max());
        for message in page {
            let Some(id) = number(&message) else { continue };
            if message.nonce.as_ref().is_some_and(|given| *given == *nonce) {
                return Ok(vec![sent(message.id)]);
            }
            let answers = message
                .interaction_metadata
                .as_ref()
                .map(|metadata| metadata.id.as_str());
            let is_the_interactions = pending
                .as_ref()
                .is_some_and(|pending| answers == Some(pending.id.as_str()));
            let is_ours = message.author.id == us.id;
            let is_there = message.flags & LOADING == 0;
            if (id >= since || is_the_interactions)
                && is_ours
                && is_there
                && message.content.trim() == text.trim()
            {
                found.push((id, sent(message.id)));
            }
        }
        match newest {
            Some(newest) if length == PAGE => after = newest,
            _ => break,
        }
    }
    found.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
    Ok(found.into_iter().map(|(_, sent)| sent).collect())
}

fn number(message: &Message) -> Option<u64> {
    message.id.parse().ok()
}

/// `None`: the bot may not read the channel, or there is none.
async fn list(app: &App<'_>, place: &Place, after: u64) -> Result<Option<Vec<Message>>, SendError> {
    let path = format!("channels/{}/messages", place.channel);
    match app.list(&path, after, PAGE).await {
        Ok(page) => Ok(Some(page)),
        Err(failed) if failed.has_status(&[StatusCode::FORBIDDEN, StatusCode::NOT_FOUND]) => Ok(None),
        Err(failed) => Err(repeatable(failed)),
    }
}

#[cfg(test)]
mod tests;
