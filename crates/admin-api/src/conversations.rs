//! Conversations: following them, taking them over, answering in them.

pub(crate) mod corrections;
pub(crate) mod labels;
pub(crate) mod listing;
pub(crate) mod notes;
pub(crate) mod progress;

use crate::{
    AdminApi,
    caller::Seat,
    input::{self, Input},
    page::{self, Page, PageQuery},
    path::{ConversationPath, MessagePath, WorkspacePath},
    problem::Problem,
    sending::{self, Accepted, Outgoing},
    uploaded::{self, MediaInput},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use chrono::{DateTime, Utc};
use domain::{
    AnswerId, AttachmentId, ChatbotId, ContactId, ConversationId, ConversationState, Direction, Handler,
    HandoffReason, InboundState, IntegrationId, MessageId, PartId, PartState, Platform, Rating, Sender,
    UserId,
};
use labels::Label;
use listing::ListQuery;
use serde::{Deserialize, Serialize};
use store::{inbox, journey};
use utoipa::ToSchema;

const MOST_REPLY: usize = 16_000;

/// A conversation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Conversation {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ConversationId,
    /// The chatbot.
    #[schema(value_type = Uuid)]
    chatbot_id: ChatbotId,
    /// The chatbot's name.
    chatbot_name: String,
    /// The integration.
    #[schema(value_type = Uuid)]
    integration_id: IntegrationId,
    /// Its platform.
    #[schema(value_type = String)]
    platform: Platform,
    /// The person on the other side.
    contact: Contact,
    /// In whose hands it is: `bot` or `human`.
    #[schema(value_type = String, example = "bot")]
    handler: Handler,
    /// Why and since when a human has it; `null`: the bot has it.
    handoff: Option<Handoff>,
    /// Whether there is something left to do: `open`, `snoozed` or `resolved`.
    #[schema(value_type = String, example = "open")]
    state: ConversationState,
    /// Since when it is resolved. The person's next message opens it again.
    resolved_at: Option<DateTime<Utc>>,
    /// Until when it is snoozed; it comes back then, or when the person writes.
    snoozed_until: Option<DateTime<Utc>>,
    /// The member who looks after it.
    assignee: Option<Assignee>,
    /// What it is marked with.
    labels: Vec<Label>,
    /// What the person says of its answers.
    feedback: FeedbackCounts,
    /// Messages that wait for an answer of the bot.
    waiting: i64,
    /// When the person last wrote.
    last_inbound_at: Option<DateTime<Utc>>,
    /// The newest message.
    last_message: Option<LastMessage>,
    /// When it began.
    created_at: DateTime<Utc>,
}

/// What a person says of a conversation's answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct FeedbackCounts {
    /// How many they call good.
    good: i64,
    /// How many they call bad.
    #[schema(example = 1)]
    bad: i64,
}

/// What a person says of an answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Feedback {
    /// `good` or `bad`.
    #[schema(value_type = String, example = "bad")]
    rating: Rating,
    /// Why, in their words.
    #[schema(example = "You are closed on Mondays.")]
    comment: Option<String>,
    /// When they last said so.
    at: DateTime<Utc>,
}

/// The member who looks after a conversation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Assignee {
    /// The member.
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// Their name; their address where they have none.
    name: String,
}

/// Why and since when a human has a conversation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Handoff {
    /// `requested`: the person asked for a human; `keyword`: they wrote one of the owner's words; `unanswered`: the bot
    /// could not answer several times in a row; `agent`: a human took it.
    #[schema(value_type = String, example = "requested")]
    reason: HandoffReason,
    /// The words that were found.
    detail: Option<String>,
    /// Since when.
    since: DateTime<Utc>,
    /// When the bot has it again if no human writes; `null`: not by itself.
    back_at: Option<DateTime<Utc>>,
}

/// The person on the other side.
#[derive(Serialize, ToSchema)]
pub(crate) struct Contact {
    /// Our id.
    #[schema(value_type = Uuid)]
    id: ContactId,
    /// The person, as the platform names them.
    key: String,
    /// Their name, where the platform tells it.
    name: Option<String>,
    /// Since when they want no messages.
    opted_out_at: Option<DateTime<Utc>>,
    /// Their e-mail address, where they said it before they wrote.
    email: Option<String>,
    /// Their telephone number, where they said it.
    phone: Option<String>,
    /// What else they said of themselves, by the field's name.
    #[schema(value_type = Object)]
    fields: serde_json::Value,
    /// When they agreed to what the widget asked.
    consented_at: Option<DateTime<Utc>>,
}

/// The newest message of a conversation.
#[derive(Serialize, ToSchema)]
pub(crate) struct LastMessage {
    /// `inbound` or `outbound`.
    direction: String,
    /// Its beginning.
    text: String,
    /// When it was accepted.
    at: DateTime<Utc>,
}

/// A message, with its journey.
#[derive(Serialize, ToSchema)]
pub(crate) struct Message {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: MessageId,
    /// `inbound` or `outbound`.
    #[schema(value_type = String)]
    direction: Direction,
    /// Outbound: `bot`, `agent` or `api`.
    #[schema(value_type = Option<String>)]
    sender: Option<Sender>,
    /// Outbound, by a member: their name; `null` also when they are a member no more.
    #[schema(example = "Ada Lovelace")]
    author: Option<String>,
    /// Inbound: what became of it.
    #[schema(value_type = Option<String>)]
    state: Option<InboundState>,
    /// The text.
    text: String,
    /// Outbound: what the person says of it.
    feedback: Option<Feedback>,
    /// Why it could not be processed.
    error: Option<String>,
    /// What came with it.
    attachments: Vec<Attachment>,
    /// Every stage, with its time.
    journey: Journey,
}

/// Every stage of a message's way, with its time.
#[derive(Serialize, ToSchema)]
pub(crate) struct Journey {
    /// When the person sent it, as the platform says.
    sent_at: Option<DateTime<Utc>>,
    /// When it was accepted here.
    accepted_at: DateTime<Utc>,
    /// When it was stored.
    stored_at: DateTime<Utc>,
    /// When its answer was committed.
    answered_at: Option<DateTime<Utc>>,
    /// How often a turn took it up.
    attempts: i32,
    /// How the answer came to be.
    answer: Option<Answer>,
    /// Inbound: the message that answers it.
    #[schema(value_type = Option<Uuid>)]
    reply_id: Option<MessageId>,
    /// What was sent: of an inbound message, in answer to it.
    parts: Vec<Part>,
}

/// A picture, sound or file that came with a message.
#[derive(Serialize, ToSchema)]
pub(crate) struct Attachment {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: AttachmentId,
    /// Its MIME type.
    content_type: String,
    /// `pending`, `stored` or `refused`.
    state: String,
    /// Why it was refused.
    error: Option<String>,
}

/// How an answer came to be.
#[derive(Serialize, ToSchema)]
pub(crate) struct Answer {
    /// The record.
    #[schema(value_type = Uuid)]
    id: AnswerId,
    /// What was asked.
    question: String,
    /// What was searched for in its place, where it was not understood without what was said before; `null` otherwise.
    searched_for: Option<String>,
    /// What wrote it.
    model: String,
    /// Why it is not the model's own.
    fallback: Option<String>,
    /// The prompt's version.
    prompt_version: i32,
    /// Tokens read.
    tokens_in: Option<i32>,
    /// Tokens written.
    tokens_out: Option<i32>,
    /// Milliseconds of each stage.
    #[schema(value_type = Object)]
    stages: serde_json::Value,
    /// The passages that were found, with their scores.
    #[schema(value_type = Vec<Object>)]
    passages: serde_json::Value,
    /// The passages it rests on.
    #[schema(value_type = Vec<Object>)]
    citations: serde_json::Value,
    /// What went wrong on the way.
    error: Option<String>,
    /// Calls of tools on the way: which, with what, how it ended and how long it took.
    #[schema(value_type = Vec<Object>)]
    calls: serde_json::Value,
    /// Hosts to which the answer would have linked, and may not: see the chatbot's links.
    removed_links: Vec<String>,
    /// The models that were asked, in their order: `provider`, `model`, `task` (`restate` where the question was to be put
    /// in full, missing otherwise), `outcome`, `detail`, `milliseconds`, `tokens_in`,
    /// `tokens_out`, `cost_micros`.
    #[schema(value_type = Vec<Object>)]
    path: serde_json::Value,
    /// What they cost together, in US dollars; `null`: the price is not known, or none was asked.
    cost_usd: Option<f64>,
    /// When it was committed.
    created_at: DateTime<Utc>,
}

/// One platform-sized part of a message.
#[derive(Serialize, ToSchema)]
pub(crate) struct Part {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: PartId,
    /// Its place in the conversation's order.
    position: i64,
    /// What became of it.
    #[schema(value_type = String, example = "delivered")]
    state: PartState,
    /// Its text and media.
    #[schema(value_type = Object)]
    content: serde_json::Value,
    /// How often it was tried.
    attempts: i32,
    /// When it is next due; `null` when nothing more is to be done.
    due_at: Option<DateTime<Utc>>,
    /// The platform's id.
    platform_message_id: Option<String>,
    /// Units of the platform's bill.
    segments: Option<i32>,
    /// Why it failed.
    error: Option<String>,
    /// The platform's code for that.
    error_code: Option<String>,
    /// Sent once more after an unknown outcome: it may have arrived twice.
    resent: bool,
    /// When it was queued.
    queued_at: DateTime<Utc>,
    /// When the platform accepted it.
    sent_at: Option<DateTime<Utc>>,
    /// When nothing more was to be done for it.
    settled_at: Option<DateTime<Utc>>,
    /// When it arrived.
    delivered_at: Option<DateTime<Utc>>,
    /// When it was read.
    read_at: Option<DateTime<Utc>>,
    /// Every call to the platform.
    calls: Vec<Call>,
}

/// One call to the platform.
#[derive(Serialize, ToSchema)]
pub(crate) struct Call {
    /// When it began.
    started_at: DateTime<Utc>,
    /// When it ended.
    ended_at: DateTime<Utc>,
    /// How.
    outcome: String,
    /// What the platform said.
    detail: Option<String>,
}

/// An agent's answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplyInput {
    /// The text.
    #[serde(default)]
    text: String,
    /// Pictures and files: uploaded ones, or ones at public addresses.
    #[serde(default)]
    #[schema(example = json!([{"file": "0199c0de-7a3b-7cc1-9f3e-2b7f6d1a4c55"}, {"url": "https://example.com/menu.png"}]))]
    media: Vec<MediaInput>,
}

impl From<inbox::Conversation> for Conversation {
    fn from(conversation: inbox::Conversation) -> Self {
        Self {
            id: conversation.id,
            chatbot_id: conversation.chatbot,
            chatbot_name: conversation.chatbot_name,
            integration_id: conversation.integration,
            platform: conversation.platform,
            contact: Contact {
                id: conversation.contact.id,
                key: conversation.contact.key,
                name: conversation.contact.name,
                opted_out_at: conversation.contact.opted_out_at,
                email: conversation.contact.email,
                phone: conversation.contact.phone,
                fields: conversation.contact.fields,
                consented_at: conversation.contact.consented_at,
            },
            handler: conversation.handler,
            handoff: conversation.handoff.map(|handoff| Handoff {
                reason: handoff.reason,
                detail: handoff.detail,
                since: handoff.since,
                back_at: handoff.back_at,
            }),
            state: conversation.state,
            resolved_at: conversation.resolved_at,
            snoozed_until: conversation.snoozed_until,
            assignee: conversation.assignee.map(|assignee| Assignee {
                user_id: assignee.user,
                name: assignee.name,
            }),
            labels: conversation.labels.into_iter().map(Into::into).collect(),
            feedback: FeedbackCounts {
                good: conversation.rated.0,
                bad: conversation.rated.1,
            },
            waiting: conversation.waiting,
            last_inbound_at: conversation.last_inbound_at,
            last_message: conversation.last_message.map(|last| LastMessage {
                direction: last.direction,
                text: last.text,
                at: last.at,
            }),
            created_at: conversation.created_at,
        }
    }
}

impl From<journey::Message> for Message {
    fn from(message: journey::Message) -> Self {
        Self {
            id: message.id,
            direction: message.direction,
            sender: message.sender,
            author: message.author,
            state: message.state,
            text: message.text,
            feedback: message.feedback.map(|said| Feedback {
                rating: said.feedback.rating,
                comment: said.feedback.comment,
                at: said.at,
            }),
            error: message.error,
            attachments: message
                .attachments
                .into_iter()
                .map(|attachment| Attachment {
                    id: attachment.id,
                    content_type: attachment.content_type,
                    state: attachment.state,
                    error: attachment.error,
                })
                .collect(),
            journey: Journey {
                sent_at: message.sent_at,
                accepted_at: message.accepted_at,
                stored_at: message.stored_at,
                answered_at: message.answered_at,
                attempts: message.attempts,
                answer: message.answer.map(Into::into),
                reply_id: message.reply,
                parts: message.parts.into_iter().map(Into::into).collect(),
            },
        }
    }
}

impl From<journey::Answer> for Answer {
    fn from(answer: journey::Answer) -> Self {
        Self {
            id: answer.id,
            question: answer.question,
            searched_for: answer.searched_for,
            model: answer.model,
            fallback: answer.fallback,
            prompt_version: answer.prompt_version,
            tokens_in: answer.tokens_in,
            tokens_out: answer.tokens_out,
            stages: answer.stages,
            passages: answer.passages,
            citations: answer.citations,
            error: answer.error,
            calls: answer.calls,
            removed_links: answer.removed_links,
            path: answer.path,
            cost_usd: answer.cost_micros.map(crate::budgets::usd),
            created_at: answer.created_at,
        }
    }
}

impl From<journey::Part> for Part {
    fn from(part: journey::Part) -> Self {
        Self {
            id: part.id,
            position: part.position,
            state: part.state,
            content: part.content,
            attempts: part.attempts,
            due_at: (!part.state.is_settled()).then_some(part.due_at),
            platform_message_id: part.platform_message_id,
            segments: part.segments,
            error: part.error,
            error_code: part.error_code,
            resent: part.resent,
            queued_at: part.created_at,
            sent_at: part.sent_at,
            settled_at: part.settled_at,
            delivered_at: part.delivered_at,
            read_at: part.read_at,
            calls: part
                .calls
                .into_iter()
                .map(|call| Call {
                    started_at: call.started_at,
                    ended_at: call.ended_at,
                    outcome: call.outcome,
                    detail: call.detail,
                })
                .collect(),
        }
    }
}

/// The conversations of a workspace, those in which the person wrote last first.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/conversations", params(WorkspacePath, ListQuery), responses((status = 200, body = Page<Conversation>))
)]
pub(crate) async fn list(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<ListQuery>,
) -> Result<Json<Page<Conversation>>, Problem> {
    let limit = page::limit(query.limit)?;
    let search = query.search()?;
    let mut tx = seat.begin(&api).await?;
    let rows = inbox::list(&mut tx, &search, query.after.map(inbox::Cursor), limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |conversation| conversation.cursor.0,
        Into::into,
    )))
}

/// One conversation.
#[utoipa::path(get, path = "/api/conversations/{conversation_id}", params(ConversationPath), responses((status = 200, body = Conversation)))]
pub(crate) async fn get(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
) -> Result<Json<Conversation>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let conversation = inbox::get(&mut tx, path.conversation_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(Json(conversation.into()))
}

/// The messages of a conversation with their journeys, newest first.
#[utoipa::path(
    get, path = "/api/conversations/{conversation_id}/messages", params(ConversationPath, PageQuery), responses((status = 200, body = Page<Message>))
)]
pub(crate) async fn messages(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Message>>, Problem> {
    let limit = page::limit(query.limit)?;
    let mut tx = seat.begin(&api).await?;
    let after = query.after.map(Into::into);
    let rows = journey::messages(&mut tx, path.conversation_id, after, limit + 1).await?;
    Ok(Json(Page::of(
        rows,
        limit,
        |message| message.id.as_uuid(),
        Into::into,
    )))
}

/// One message with its journey.
#[utoipa::path(
    get, path = "/api/conversations/{conversation_id}/messages/{message_id}", params(MessagePath),
    responses((status = 200, body = Message))
)]
pub(crate) async fn message(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<MessagePath>,
) -> Result<Json<Message>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let message = journey::message(&mut tx, path.conversation_id, path.message_id).await?;
    Ok(Json(message.ok_or_else(Problem::not_found)?.into()))
}

/// Take a conversation over.
///
/// The chatbot is silent from now on; what it has not sent yet is not sent.
#[utoipa::path(
    post, path = "/api/conversations/{conversation_id}/take-over", params(ConversationPath), responses((status = 200, body = Conversation))
)]
pub(crate) async fn take_over(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
) -> Result<Json<Conversation>, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !store::conversations::take_over(&mut tx, path.conversation_id).await? {
        return Err(Problem::not_found());
    }
    seat.did(
        &api,
        &mut tx,
        "conversation.take_over",
        path.conversation_id,
        serde_json::Value::Null,
    )
    .await?;
    let conversation = inbox::get(&mut tx, path.conversation_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    api.conversation_changed(seat.workspace, path.conversation_id);
    Ok(Json(conversation.into()))
}

/// Hand a conversation back to the chatbot.
///
/// It answers again from the next message on.
#[utoipa::path(
    post, path = "/api/conversations/{conversation_id}/hand-back", params(ConversationPath), responses((status = 200, body = Conversation))
)]
pub(crate) async fn hand_back(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
) -> Result<Json<Conversation>, Problem> {
    let mut tx = seat.begin(&api).await?;
    if !store::conversations::hand_back(&mut tx, path.conversation_id).await? {
        return Err(Problem::not_found());
    }
    seat.did(
        &api,
        &mut tx,
        "conversation.hand_back",
        path.conversation_id,
        serde_json::Value::Null,
    )
    .await?;
    let conversation = inbox::get(&mut tx, path.conversation_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    tx.commit().await?;
    api.conversation_changed(seat.workspace, path.conversation_id);
    Ok(Json(conversation.into()))
}

/// Answer in a conversation.
///
/// Takes it over, so that the chatbot does not answer beside you.
#[utoipa::path(
    post, path = "/api/conversations/{conversation_id}/replies", params(ConversationPath), request_body = ReplyInput,
    responses((status = 202, body = Accepted))
)]
pub(crate) async fn reply(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ConversationPath>,
    input: Input<ReplyInput>,
) -> Result<HttpResponse, Problem> {
    let text = input::block("text", &input.0.text, MOST_REPLY)?;
    let media = uploaded::media(input.0.media)?;
    let mut tx = seat.begin(&api).await?;
    let conversation = inbox::get(&mut tx, path.conversation_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let channel = api.channel(&conversation.platform)?;
    let integration = sending::usable(&mut tx, conversation.chatbot, &conversation.platform)
        .await?
        .integration;
    if conversation.handler == Handler::Bot {
        store::conversations::take_over(&mut tx, conversation.id).await?;
    }
    let outgoing = Outgoing {
        chatbot: conversation.chatbot,
        integration: &integration,
        channel,
        contact_key: conversation.contact.key,
        conversation_key: conversation.key,
        sender: Sender::Agent,
        author: seat.user(),
        text,
        media,
        buttons: Vec::new(),
        template: None,
        expires_in: None,
    };
    let accepted = sending::put_on_its_way(&api, &mut tx, outgoing).await?;
    let details = serde_json::json!({ "conversation": conversation.id });
    seat.did(&api, &mut tx, "message.reply", accepted.message_id, details)
        .await?;
    tx.commit().await?;
    api.message_written(seat.workspace, conversation.id);
    api.wake_senders(&integration.platform);
    Ok(HttpResponse::Accepted().json(accepted))
}
