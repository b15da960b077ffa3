//! What addresses name. An id that is none names nothing: 404.

use domain::{
    ApiKeyId, AttachmentId, CannedReplyId, ChatbotId, ConversationId, DataJobId, DeadLetterId, DocumentId,
    GoldenQuestionId, IntegrationId, InvitationId, LabelId, LeadId, McpServerId, MessageId, NoteId, Platform,
    QuarantineId, SessionId, SourceId, ToolId, TrialRunId, UnansweredId, UserId, WebhookDeliveryId,
    WebhookEndpointId, WorkspaceId,
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

macro_rules! paths {
    ($($name:ident { $($field:ident: $kind:ty as $shown:ty, $doc:literal;)+ })+) => {$(
        #[allow(dead_code, reason = "the guard reads the workspace from the address; here it is described")]
        #[derive(Debug, Deserialize, IntoParams)]
        #[into_params(parameter_in = Path)]
        pub(crate) struct $name {
            $(
                #[doc = $doc]
                #[param(value_type = $shown)]
                pub $field: $kind,
            )+
        }
    )+};
}

paths! {
    WorkspacePath { workspace_id: WorkspaceId as Uuid, "The workspace."; }
    ApiKeyPath {
        workspace_id: WorkspaceId as Uuid, "The workspace.";
        api_key_id: ApiKeyId as Uuid, "The key.";
    }
    MemberPath {
        workspace_id: WorkspaceId as Uuid, "The workspace.";
        user_id: UserId as Uuid, "The member.";
    }
    DeadLetterPath {
        workspace_id: WorkspaceId as Uuid, "The workspace.";
        dead_letter_id: DeadLetterId as Uuid, "The dead letter.";
    }
    AnyDeadLetterPath { dead_letter_id: DeadLetterId as Uuid, "The dead letter."; }
    InvitationPath {
        workspace_id: WorkspaceId as Uuid, "The workspace.";
        invitation_id: InvitationId as Uuid, "The invitation.";
    }
    SessionPath { session_id: SessionId as Uuid, "The session."; }
    LabelPath {
        workspace_id: WorkspaceId as Uuid, "The workspace.";
        label_id: LabelId as Uuid, "The label.";
    }
    CannedReplyPath {
        workspace_id: WorkspaceId as Uuid, "The workspace.";
        canned_reply_id: CannedReplyId as Uuid, "The canned reply.";
    }
    UserPath { user_id: UserId as Uuid, "The account."; }
    ProviderPath { provider_id: Uuid as Uuid, "The provider."; }
    ProviderKeyPath {
        provider_id: Uuid as Uuid, "The provider.";
        key_id: Uuid as Uuid, "The key.";
    }
    PricePath { price_id: Uuid as Uuid, "The entry of the price list."; }
    PlanPath { plan_id: Uuid as Uuid, "The plan."; }
    CouponPath { coupon_id: Uuid as Uuid, "The coupon."; }
    InvoicePath { invoice_id: Uuid as Uuid, "The invoice."; }
    OwnInvoicePath {
        workspace_id: WorkspaceId as Uuid, "The workspace.";
        invoice_id: Uuid as Uuid, "The invoice.";
    }
    ChatbotPath { chatbot_id: ChatbotId as Uuid, "The chatbot."; }
    SourcePath {
        chatbot_id: ChatbotId as Uuid, "The chatbot.";
        source_id: SourceId as Uuid, "The source.";
    }
    DocumentPath {
        chatbot_id: ChatbotId as Uuid, "The chatbot.";
        source_id: SourceId as Uuid, "The source.";
        document_id: DocumentId as Uuid, "The document.";
    }
    ToolPath {
        chatbot_id: ChatbotId as Uuid, "The chatbot.";
        tool_id: ToolId as Uuid, "The tool.";
    }
    McpServerPath {
        chatbot_id: ChatbotId as Uuid, "The chatbot.";
        mcp_server_id: McpServerId as Uuid, "The MCP server.";
    }
    UnansweredPath {
        chatbot_id: ChatbotId as Uuid, "The chatbot.";
        unanswered_id: UnansweredId as Uuid, "The question.";
    }
    IntegrationPath {
        chatbot_id: ChatbotId as Uuid, "The chatbot.";
        integration_id: IntegrationId as Uuid, "The integration.";
    }
    QuarantinePath {
        chatbot_id: ChatbotId as Uuid, "The chatbot.";
        quarantine_id: QuarantineId as Uuid, "The webhook in quarantine.";
    }
    VersionPath {
        chatbot_id: ChatbotId as Uuid, "The chatbot.";
        number: i64 as i64, "The version.";
    }
    GoldenPath {
        chatbot_id: ChatbotId as Uuid, "The chatbot.";
        golden_id: GoldenQuestionId as Uuid, "The golden question.";
    }
    RunPath {
        chatbot_id: ChatbotId as Uuid, "The chatbot.";
        run_id: TrialRunId as Uuid, "The run.";
    }
    AgainPath {
        conversation_id: ConversationId as Uuid, "The conversation.";
        message_id: MessageId as Uuid, "The message.";
        run_id: TrialRunId as Uuid, "The run.";
    }
    PlatformPath {
        platform: Platform as String, "The platform's name, for example `twilio`.";
        chatbot_id: ChatbotId as Uuid, "The chatbot.";
    }
    WebhookPath {
        workspace_id: WorkspaceId as Uuid, "The workspace.";
        webhook_id: WebhookEndpointId as Uuid, "The webhook.";
    }
    WebhookDeliveryPath {
        workspace_id: WorkspaceId as Uuid, "The workspace.";
        webhook_id: WebhookEndpointId as Uuid, "The webhook.";
        delivery_id: WebhookDeliveryId as Uuid, "The delivery.";
    }
    LeadPath {
        workspace_id: WorkspaceId as Uuid, "The workspace.";
        lead_id: LeadId as Uuid, "The lead.";
    }
    DataJobPath {
        workspace_id: WorkspaceId as Uuid, "The workspace.";
        job_id: DataJobId as Uuid, "The job.";
    }
    AnyLeadPath { lead_id: LeadId as Uuid, "The lead."; }
    ConversationPath { conversation_id: ConversationId as Uuid, "The conversation."; }
    MessagePath {
        conversation_id: ConversationId as Uuid, "The conversation.";
        message_id: MessageId as Uuid, "The message.";
    }
    ConversationLabelPath {
        conversation_id: ConversationId as Uuid, "The conversation.";
        label_id: LabelId as Uuid, "The label.";
    }
    NotePath {
        conversation_id: ConversationId as Uuid, "The conversation.";
        note_id: NoteId as Uuid, "The note.";
    }
    AttachmentPath {
        conversation_id: ConversationId as Uuid, "The conversation.";
        attachment_id: AttachmentId as Uuid, "The attachment.";
    }
}
