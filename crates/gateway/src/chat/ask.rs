//! Asking a chatbot something, and following what becomes of it.
//!
//! Invariant: whoever asks follows before the message is published, and reads before they wait: an answer is seen however
//! fast it comes, and however many live events are lost.

use super::{Chat, draft::Draft, error::ChatError, hub::Follower, item::Item, place::Place};
use channel::{ConversationKey, InboundMessage, MediaRef, Received, WebhookResponse};
use domain::MessageId;
use queue::news::News;
use std::time::Duration;
use store::{
    StoreError,
    chat::{self, Outcome},
};
use tokio::time::{Instant, timeout_at};

/// How often the database is read although nothing was told.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What is asked.
#[derive(Default)]
pub struct Question {
    pub text: String,
    pub choice: Option<String>,
    pub media: Vec<MediaRef>,
    /// What the asker calls it: asked again by this name, it is one question.
    pub id: Option<String>,
    /// What the asker is called.
    pub name: Option<String>,
}

/// A question that is safely queued.
pub struct Asked {
    chat: Chat,
    pub place: Place,
    dedupe_key: String,
    message: MessageId,
    follower: Follower,
    draft: Draft,
    /// When to read the database next, at the latest.
    look_at: Instant,
}

/// Something that has become of a question.
pub enum Step {
    /// An answer is being made.
    Typing,
    /// An answer is being written, and this is all of it so far.
    Draft(String),
    /// It is stored, and this far.
    Reached(Outcome),
    /// Nothing more within the time.
    TimeUp,
}

impl Chat {
    /// Returns once the queue has the question.
    pub async fn ask(&self, place: Place, question: Question) -> Result<Asked, ChatError> {
        let dedupe_key = place.dedupe_key(question.id.as_deref());
        let follower = self.hub.follow(place.topic()).ok_or(ChatError::TooFast {
            what: "connections to one conversation",
            after: Duration::from_secs(10),
        })?;
        // Sent again, it is followed and not asked again. What is not stored yet is known by intake.
        let known = match &question.id {
            None => None,
            Some(_) => chat::outcome(&self.db, place.account.integration, &place.key(), &dedupe_key).await?,
        };
        let message = match known {
            Some(known) => known.message,
            None => self.publish(&place, question, &dedupe_key).await?,
        };
        Ok(Asked {
            chat: self.clone(),
            place,
            dedupe_key,
            message,
            follower,
            draft: Draft::default(),
            look_at: Instant::now(),
        })
    }

    async fn publish(
        &self,
        place: &Place,
        question: Question,
        dedupe_key: &str,
    ) -> Result<MessageId, ChatError> {
        let account = &place.account;
        let name = account
            .channel
            .account(&account.credentials)
            .map_err(|error| ChatError::Account(error.into()))?;
        let message = InboundMessage {
            account: name,
            dedupe_key: dedupe_key.to_owned(),
            conversation: ConversationKey(place.key()),
            contact: place.contact.clone(),
            contact_name: question.name,
            text: question.text,
            choice: question.choice,
            media: question.media,
            order_key: None,
            sent_at: None,
            reply_to: None,
            consent: None,
        };
        let received = Received {
            messages: vec![message],
            ..Received::nothing(WebhookResponse::empty())
        };
        let ids = inlet::publish(&self.queue, &self.accounts, account, &received).await?;
        Ok(ids.first().copied().unwrap_or_else(MessageId::new))
    }
}

impl Asked {
    /// The message, as far as it is known yet.
    pub const fn message(&self) -> MessageId {
        self.message
    }

    async fn look(&mut self) -> Result<Option<Outcome>, StoreError> {
        self.look_at = Instant::now() + LOOK_EVERY;
        let integration = self.place.account.integration;
        let found = chat::outcome(&self.chat.db, integration, &self.place.key(), &self.dedupe_key).await;
        match found {
            Ok(found) => {
                if let Some(outcome) = &found {
                    self.message = outcome.message;
                    if outcome.is_final() {
                        self.draft.end();
                    }
                }
                Ok(found)
            }
            // The question is safe: its asker may wait until the database is back.
            Err(error) if error.is_transient() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What becomes of it next, until `deadline`. The first thing is how far it is now.
    pub async fn next(&mut self, deadline: Instant) -> Result<Step, ChatError> {
        loop {
            let now = Instant::now();
            if self.look_at <= now
                && let Some(outcome) = self.look().await?
            {
                return Ok(Step::Reached(outcome));
            }
            if now >= deadline {
                return Ok(Step::TimeUp);
            }
            match timeout_at(deadline.min(self.look_at), self.follower.next()).await {
                Err(_) => {}
                // The process is told to stop.
                Ok(None) => return Ok(Step::TimeUp),
                Ok(Some(News::Changed)) => self.look_at = Instant::now(),
                Ok(Some(News::Typing)) => {
                    // A turn has it in hand now.
                    self.look_at = Instant::now();
                    return Ok(Step::Typing);
                }
                Ok(Some(News::Draft {
                    turn,
                    sequence,
                    from,
                    text,
                })) => {
                    if let Some(text) = self.draft.hear(&turn, sequence, from, &text) {
                        return Ok(Step::Draft(text.to_owned()));
                    }
                }
            }
        }
    }

    /// How far it is once that is far enough, or when the time is up.
    pub async fn until(
        &mut self,
        limit: Duration,
        enough: impl Fn(&Outcome) -> bool,
    ) -> Result<Option<Outcome>, ChatError> {
        let deadline = Instant::now() + limit;
        let mut last = None;
        loop {
            match self.next(deadline).await? {
                Step::Reached(outcome) if enough(&outcome) => return Ok(Some(outcome)),
                Step::Reached(outcome) => last = Some(outcome),
                Step::Typing | Step::Draft(_) => {}
                Step::TimeUp => return Ok(last),
            }
        }
    }

    /// The messages that answer it.
    pub async fn replies(&self, outcome: &Outcome) -> Result<Vec<Item>, ChatError> {
        let mut replies = Vec::new();
        for &number in &outcome.answer {
            let found = chat::entries(
                &self.chat.db,
                self.place.account.integration,
                &self.place.key(),
                Some(number - 1),
                1,
            )
            .await?;
            replies.extend(
                found
                    .into_iter()
                    .map(|entry| Item::of(entry, &self.place, &self.chat.addresses)),
            );
        }
        Ok(replies)
    }
}
