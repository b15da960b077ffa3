//! Live events of a workspace, for the pages of its members.
//!
//! Invariant: they say where there is something to read, never what. Whoever misses one reads everything again; whoever
//! hears one that is not of their workspace has not asked for it: the topic bears the workspace.

use crate::{LiveEvent, Queue};
use domain::{ChatbotId, ConversationId, TrialRunId, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};

/// Conversations that one event names: more are told in several.
const MOST_NAMED: usize = 100;

/// What happened in a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WorkspaceNews {
    /// There are messages in these conversations that were not there before, or that have come further.
    Messages {
        /// Which.
        conversations: Vec<ConversationId>,
    },
    /// These conversations are in other hands, in another state, or marked or noted on in another way.
    Conversations {
        /// Which.
        conversations: Vec<ConversationId>,
    },
    /// The bot has handed a conversation over: a human is asked for.
    HandOff {
        /// Which.
        conversations: Vec<ConversationId>,
    },
    /// A chatbot's sources have come further.
    Sources {
        /// Whose.
        chatbot: ChatbotId,
    },
    /// A run of questions has come further.
    Trial {
        /// Whose.
        chatbot: ChatbotId,
        /// The run.
        run: TrialRunId,
    },
}

/// The topic of a workspace.
pub fn topic(workspace: WorkspaceId) -> String {
    format!("workspace.{workspace}")
}

/// The topic under which it is told that a person may see less than before: their session or a membership has ended or
/// changed.
pub fn access_topic(user: UserId) -> String {
    format!("access.{user}")
}

/// Tells whoever follows a workspace. Losing it is allowed.
pub fn tell(queue: &Queue, workspace: WorkspaceId, news: &WorkspaceNews) {
    let told = serde_json::to_vec(news)
        .map_err(|error| error.to_string())
        .and_then(|payload| {
            queue
                .live()
                .publish(&topic(workspace), payload)
                .map_err(|error| error.to_string())
        });
    if let Err(error) = told {
        tracing::warn!(error, workspace.id = %workspace, "who follows a workspace was not told of something");
    }
}

/// Tells of conversations of several workspaces: each workspace once for all of its own.
pub fn tell_all(
    queue: &Queue,
    mut places: Vec<(WorkspaceId, ConversationId)>,
    news: impl Fn(Vec<ConversationId>) -> WorkspaceNews,
) {
    places.sort_unstable();
    places.dedup();
    for of_one in places.chunk_by(|(one, _), (other, _)| one == other) {
        for named in of_one.chunks(MOST_NAMED) {
            let conversations = named.iter().map(|(_, conversation)| *conversation).collect();
            tell(queue, of_one[0].0, &news(conversations));
        }
    }
}

/// What happened, if the event is of the workspace with this topic.
pub fn read(event: &LiveEvent, topic: &str) -> Option<WorkspaceNews> {
    match event {
        LiveEvent::Event { topic: told, payload } if told == topic => serde_json::from_slice(payload).ok(),
        LiveEvent::Event { .. } | LiveEvent::Resync => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::MAX_BYTES;

    #[test]
    fn the_most_conversations_that_are_named_fit_into_one_event() {
        let conversations = (0..MOST_NAMED).map(|_| ConversationId::new()).collect();

        let told = serde_json::to_vec(&WorkspaceNews::Conversations { conversations }).unwrap();

        assert!(
            told.len() + topic(WorkspaceId::new()).len() + 64 < MAX_BYTES,
            "{}",
            told.len()
        );
    }

    #[test]
    fn an_event_is_read_by_its_own_workspace_only() {
        let (ours, theirs) = (WorkspaceId::new(), WorkspaceId::new());
        let news = WorkspaceNews::HandOff {
            conversations: vec![ConversationId::new()],
        };

        let event = LiveEvent::Event {
            topic: topic(ours),
            payload: serde_json::to_vec(&news).unwrap().into(),
        };

        assert_eq!(read(&event, &topic(ours)), Some(news));
        assert_eq!(read(&event, &topic(theirs)), None);
    }
}
