//! The words of BotSmith, used one way everywhere: identifiers, platforms, roles and the states of a message.
//!
//! No I/O, no clock and no randomness but for new identifiers.

mod answer;
mod id;
mod language;
mod passage;
mod phone;
mod platform;
mod role;
mod state;

pub use answer::{Citation, FallbackReason};
pub use id::{
    AnswerId, ApiKeyId, AttachmentId, BlobId, CannedReplyId, ChatbotId, ChunkId, ContactId, ConversationId,
    DataJobId, DeadLetterId, DocumentId, GoldenQuestionId, ImpersonationId, IntegrationId, InvitationId,
    LabelId, LeadId, LeadStageId, LeaseToken, MailId, McpServerId, MessageId, NoteId, PartId, QuarantineId,
    SessionId, SourceId, ToolCallId, ToolId, TrialRunId, UnansweredId, UserId, WebhookDeliveryId,
    WebhookEndpointId, WebhookEventId, WorkspaceId,
};
pub use language::Language;
pub use passage::{Passage, PassageSignals};
pub use phone::{PhoneNumber, PhoneNumberError};
pub use platform::{Platform, PlatformError};
pub use role::{Role, RoleError};
pub use state::{
    ConversationState, Direction, Handler, HandoffReason, InboundState, InboxView, IntegrationMode,
    IntegrationState, PartState, QuarantineState, Rating, RunKind, RunState, Sender, SourceState,
    UnknownState, VersionState,
};
