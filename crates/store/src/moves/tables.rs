//! Whose the rows of each table are, when a chatbot moves to another workspace.
//!
//! This list is the one place that says it. A table with a `workspace_id` that is not in it fails a test: whoever adds one
//! decides here.

/// Whose the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The chatbot's: those of which this holds, where `$1` is the chatbot.
    Chatbots(&'static str),
    /// The chatbot's, and more than their workspace changes: [`super::shift`] says what.
    ByHand,
    /// The workspace's: they stay, for this reason.
    Workspaces(&'static str),
}

use Whose::{ByHand, Chatbots, Workspaces};

const OF_CHATBOT: Whose = Chatbots("chatbot_id = $1");
const OF_INTEGRATION: Whose =
    Chatbots("integration_id in (select id from integrations where chatbot_id = $1)");
const OF_CONVERSATION: Whose =
    Chatbots("conversation_id in (select id from conversations where chatbot_id = $1)");

/// Files that the chatbot knows, that were sent to it, and that it was given to send.
const FILES: &str = "in (
    select blob_id from sources where chatbot_id = $1 and blob_id is not null
    union all select blob_id from outbound_files where chatbot_id = $1
    union all select f.blob_id from chat_files f join integrations i on i.id = f.integration_id where i.chatbot_id = $1
    union all select a.blob_id from attachments a join messages m on m.id = a.message_id
              join conversations v on v.id = m.conversation_id where v.chatbot_id = $1 and a.blob_id is not null)";

/// Every table with a `workspace_id`.
pub(super) const TABLES: &[(&str, Whose)] = &[
    // What it is and does.
    ("chatbots", ByHand),
    ("chatbot_drafts", OF_CHATBOT),
    ("chatbot_versions", OF_CHATBOT),
    ("model_keys", OF_CHATBOT),
    ("conduct", OF_CHATBOT),
    ("widgets", OF_CHATBOT),
    ("tools", OF_CHATBOT),
    ("mcp_servers", OF_CHATBOT),
    ("budgets", OF_CHATBOT),
    (
        "budget_usage",
        Chatbots("budget_id in (select id from budgets where chatbot_id = $1)"),
    ),
    // What it knows.
    ("sources", OF_CHATBOT),
    ("documents", OF_CHATBOT),
    ("chunks", OF_CHATBOT),
    ("chunk_vectors", OF_CHATBOT),
    ("meanings", OF_CHATBOT),
    ("pages", OF_CHATBOT),
    ("retrieval_settings", OF_CHATBOT),
    ("golden_questions", OF_CHATBOT),
    ("trial_runs", OF_CHATBOT),
    (
        "trial_results",
        Chatbots("run_id in (select id from trial_runs where chatbot_id = $1)"),
    ),
    // Where it is written to.
    ("integrations", ByHand),
    ("integration_logs", OF_INTEGRATION),
    ("quarantine", OF_INTEGRATION),
    ("pending_statuses", OF_INTEGRATION),
    ("dead_letters", OF_INTEGRATION),
    // Whom it talked to, and what was said.
    ("contacts", OF_INTEGRATION),
    ("leads", ByHand),
    ("conversations", ByHand),
    ("conversation_labels", ByHand),
    ("messages", OF_CONVERSATION),
    ("message_feedback", OF_CHATBOT),
    ("parts", OF_CONVERSATION),
    (
        "attempts",
        Chatbots(
            "part_id in (select p.id from parts p join conversations v on v.id = p.conversation_id where v.chatbot_id = $1)",
        ),
    ),
    ("drafts", OF_CONVERSATION),
    ("chat_entries", OF_CONVERSATION),
    ("handovers", OF_CONVERSATION),
    ("notes", OF_CONVERSATION),
    ("tool_calls", OF_CONVERSATION),
    ("answers", OF_CONVERSATION),
    ("unanswered", OF_CHATBOT),
    ("analytics_hours", OF_CHATBOT),
    // Files.
    (
        "attachments",
        Chatbots(
            "message_id in (select m.id from messages m join conversations v on v.id = m.conversation_id where v.chatbot_id = $1)",
        ),
    ),
    ("chat_files", OF_INTEGRATION),
    ("outbound_files", OF_CHATBOT),
    ("blobs", ByHand),
    ("blob_pieces", ByHand),
    // People of the workspace and how they come in.
    ("memberships", Workspaces("people belong to a workspace")),
    ("one_time_tokens", Workspaces("invitations are to a workspace")),
    ("api_keys", Workspaces("keys are a workspace's")),
    (
        "idempotency_keys",
        Workspaces("they repeat what its people were answered"),
    ),
    (
        "data_keys",
        Workspaces("secrets are sealed anew under the other workspace's key"),
    ),
    (
        "activity_log",
        Workspaces("what was done there was done there, and the chain holds it"),
    ),
    // What it uses to work.
    (
        "labels",
        Workspaces("conversations are marked with the other workspace's of the same name"),
    ),
    ("canned_replies", Workspaces("they are for all its chatbots")),
    (
        "lead_stages",
        Workspaces("leads are in the other workspace's of the same name, or the first"),
    ),
    (
        "workspace_turns",
        Workspaces("whose turn it is goes by workspace"),
    ),
    // Whom it tells.
    ("webhook_endpoints", Workspaces("its programs are its own")),
    (
        "webhook_events",
        Workspaces("what happened there is told to its programs"),
    ),
    (
        "webhook_deliveries",
        Workspaces("what happened there is told to its programs"),
    ),
    (
        "data_jobs",
        Workspaces("they are receipts of what its people asked for"),
    ),
    // What it pays.
    ("subscriptions", Workspaces("a workspace pays")),
    ("coupon_redemptions", Workspaces("a workspace pays")),
    ("revenue_changes", Workspaces("a workspace has paid")),
    ("invoices", Workspaces("a workspace has paid")),
    ("credits", Workspaces("a workspace pays")),
    (
        "message_counts",
        Workspaces("messages count where they were taken in"),
    ),
    ("limit_notices", Workspaces("its limits are its own")),
    ("budget_reservations", Workspaces("they end by themselves")),
];

/// The statement that moves a table's rows: `$1` is the chatbot, `$2` the workspace it leaves, `$3` the one it comes to.
pub(super) fn moving(table: &str, which: &str) -> String {
    format!("update {table} set workspace_id = $3 where workspace_id = $2 and {which}")
}

/// Files and their pieces, which are named by the files' ids.
pub(super) fn files() -> [(&'static str, String); 2] {
    [
        ("blobs", moving("blobs", &format!("id {FILES}"))),
        ("blob_pieces", moving("blob_pieces", &format!("blob_id {FILES}"))),
    ]
}
