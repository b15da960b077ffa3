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
    AnswerId, ApiKeyId, AttachmentId, BlobId, ChatbotId, ChunkId, ContactId, ConversationId, DataJobId,
    DeadLetterId, DocumentId, GoldenQuestionId, ImpersonationId, IntegrationId, InvitationId, LeadId,
    LeadStageId, LeaseToken, MailId, McpServerId, MessageId, PartId, QuarantineId, SessionId, SourceId,
    ToolCallId, ToolId, TrialRunId, UnansweredId, UserId, WebhookDeliveryId, WebhookEndpointId,
    WebhookEventId, WorkspaceId,
};
pub use language::Language;
pub use passage::{Passage, PassageSignals};
pub use phone::{PhoneNumber, PhoneNumberError};
pub use platform::{Platform, PlatformError};
pub use role::{Role, RoleError};
pub use state::{
    Direction, Handler, HandoffReason, InboundState, IntegrationMode, IntegrationState, PartState,
    QuarantineState, RunKind, RunState, Sender, SourceState, UnknownState, VersionState,
};
