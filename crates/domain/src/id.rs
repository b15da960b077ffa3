//! Identifiers that cannot be mixed up: UUIDv7, so that they sort by the time they were made.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier, later than every one made before it on this machine.
            #[expect(clippy::new_without_default, reason = "an id has no sensible default")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// No identifier that was ever made.
            pub const NIL: Self = Self(Uuid::nil());

            /// The identifier as the database and the queue carry it.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// The tenant: members, chatbots, plan, budget.
    WorkspaceId
);
id!(
    /// A person who signs in.
    UserId
);
id!(
    /// One signed-in browser.
    SessionId
);
id!(
    /// One time in which an administrator acts as somebody else.
    ImpersonationId
);
id!(
    /// One invitation to a workspace.
    InvitationId
);
id!(
    /// One mail to a person with an account, or to be.
    MailId
);
id!(
    /// One key of the API.
    ApiKeyId
);
id!(
    /// One chatbot.
    ChatbotId
);
id!(
    /// One account of a customer on one platform, attached to one chatbot.
    IntegrationId
);
id!(
    /// The person on the other side, as the platform names them.
    ContactId
);
id!(
    /// One thread between one contact and one chatbot on one integration.
    ConversationId
);
id!(
    /// One message, inbound or outbound, as we know it. Assigned when it is accepted, so it sorts by arrival.
    MessageId
);
id!(
    /// One platform-sized part of an outbound message.
    PartId
);
id!(
    /// The record of how one reply came to be.
    AnswerId
);
id!(
    /// A picture, sound or file that came with a message.
    AttachmentId
);
id!(
    /// Stored bytes.
    BlobId
);
id!(
    /// What an owner added to a chatbot's knowledge.
    SourceId
);
id!(
    /// One text extracted from a source.
    DocumentId
);
id!(
    /// One retrievable passage.
    ChunkId
);
id!(
    /// An HTTP action that an owner gave a chatbot.
    ToolId
);
id!(
    /// An MCP server whose tools are a chatbot's.
    McpServerId
);
id!(
    /// One call of a tool that a person was asked about.
    ToolCallId
);
id!(
    /// A question that the knowledge did not answer.
    UnansweredId
);
id!(
    /// What members mark conversations with.
    LabelId
);
id!(
    /// What a member says to the others about a conversation.
    NoteId
);
id!(
    /// A text that members answer with again and again.
    CannedReplyId
);
id!(
    /// A question with what is expected of its answer.
    GoldenQuestionId
);
id!(
    /// A set of questions, asked of one version of a chatbot.
    TrialRunId
);
id!(
    /// Something that could not be processed or delivered, kept with its reason.
    DeadLetterId
);
id!(
    /// A webhook that could not be verified, kept sealed until its owner has mended the settings.
    QuarantineId
);
id!(
    /// Who holds a lease. A new one at every claim, so it is also the fence: a lost lease's token matches no row.
    LeaseToken
);
id!(
    /// Somebody who said something of themselves, or of whom an owner knows something.
    LeadId
);
id!(
    /// A step from the first word to a customer.
    LeadStageId
);
id!(
    /// Where a workspace's events are sent to.
    WebhookEndpointId
);
id!(
    /// One event. It stays the same however often it is sent, so that who has it knows it again.
    WebhookEventId
);
id!(
    /// One event on its way to one endpoint.
    WebhookDeliveryId
);
id!(
    /// Work on a person's data, or on a whole chatbot, and the receipt for it.
    DataJobId
);
