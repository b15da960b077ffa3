//! Sending, by programs and by agents.
//!
//! Invariant: nothing is put on its way to somebody who opted out, or through an integration that cannot deliver it.

use crate::{
    AdminApi,
    caller::Seat,
    credentials,
    input::{self, Input},
    page::Page,
    path::{ChatbotPath, PlatformPath},
    problem::{Kind, Problem},
    uploaded::{self, MediaInput, Medium, TakenAlong},
};
use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use channel::{Address, Button, ChannelHandle, Reply, TemplateUse};
use chrono::Duration;
use domain::{ChatbotId, ConversationId, IntegrationState, MessageId, PartId, Platform, Sender, UserId};
use serde::{Deserialize, Serialize};
use store::{
    TenantTx,
    integrations::{Integration, WithCredentials},
    outbound::NewOutbound,
};
use utoipa::ToSchema;

const MOST_TEXT: usize = 16_000;
const MOST_BUTTONS: usize = 25;
const LONGEST_TITLE: usize = 100;
const LONGEST_WAIT_SECONDS: i64 = 7 * 24 * 3_600;

/// A message to somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Send {
    /// To whom, as the platform names people: a phone number in E.164 where it is one.
    #[schema(example = "+14155550123")]
    to: String,
    /// The text.
    #[serde(default)]
    text: String,
    /// Pictures and files: uploaded ones, or ones at public addresses.
    #[serde(default)]
    #[schema(example = json!([{"file": "0199c0de-7a3b-7cc1-9f3e-2b7f6d1a4c55"}, {"url": "https://example.com/menu.png"}]))]
    media: Vec<MediaInput>,
    /// What the person may answer with one tap.
    #[serde(default)]
    buttons: Vec<ButtonInput>,
    /// An approved template in place of all that, where the platform has them: it may be sent outside the reply window.
    template: Option<TemplateInput>,
    /// Not worth sending after this long.
    expires_in_seconds: Option<i64>,
}

/// One answer that a person may tap. Where the platform has no buttons it is an item of a numbered list.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ButtonInput {
    /// What the person reads.
    title: String,
    /// What comes back as `choice`; the title where it is left out.
    value: Option<String>,
}

/// A template, filled in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateInput {
    /// Its name; `GET /api/{platform}/{chatbot_id}/templates` lists them.
    name: String,
    /// Its language, in the platform's form.
    #[schema(example = "en_US")]
    language: String,
    /// What fills its places, in their order.
    #[serde(default)]
    parameters: Vec<String>,
}

/// A message that is on its way.
#[derive(Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// The message.
    #[schema(value_type = Uuid)]
    pub message_id: MessageId,
    /// Its conversation; its messages show how far it is.
    #[schema(value_type = Uuid)]
    pub conversation_id: ConversationId,
    /// What it is sent as, in order.
    pub parts: Vec<AcceptedPart>,
    /// Units of the platform's bill in all, where it has such (SMS: segments).
    pub segments: Option<usize>,
}

/// One part of a message that is on its way.
#[derive(Serialize, ToSchema)]
pub(crate) struct AcceptedPart {
    /// The part.
    #[schema(value_type = Uuid)]
    pub id: PartId,
    /// Units of the platform's bill.
    pub segments: Option<usize>,
}

/// A text to be looked at before it is sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewInput {
    /// The text.
    text: String,
}

/// What a text will become.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewView {
    /// The messages it is sent as.
    messages: Vec<String>,
    /// Units of the platform's bill in all (SMS: segments); `null` where the platform has none.
    segments: Option<usize>,
    /// The alphabet the platform will use (SMS: `GSM-7` or `UCS-2`).
    encoding: Option<String>,
}

/// What goes out, and to whom.
pub(crate) struct Outgoing<'a> {
    pub chatbot: ChatbotId,
    pub integration: &'a Integration,
    pub channel: &'a ChannelHandle,
    pub contact_key: String,
    pub conversation_key: String,
    pub sender: Sender,
    /// The member who writes, where it is one.
    pub author: Option<UserId>,
    pub text: String,
    pub media: Vec<Medium>,
    pub buttons: Vec<Button>,
    pub template: Option<TemplateUse>,
    pub expires_in: Option<Duration>,
}

/// Send an SMS or MMS.
///
/// `202`: it is stored and on its way. A contact who has opted out gets nothing until they send START.
#[utoipa::path(
    post, path = "/api/twilio/{chatbot_id}/send-sms", params(ChatbotPath), request_body = Send, responses((status = 202, body = Accepted))
)]
pub(crate) async fn send_sms(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<Send>,
) -> Result<HttpResponse, Problem> {
    send_on(
        &api,
        &seat,
        &Platform::from_static("twilio"),
        path.chatbot_id,
        input.0,
    )
    .await
}

/// Send a message.
///
/// `202`: it is stored and on its way. A contact who has opted out gets nothing until they send START.
#[utoipa::path(
    post, path = "/api/{platform}/{chatbot_id}/send", params(PlatformPath), request_body = Send, responses((status = 202, body = Accepted))
)]
pub(crate) async fn send(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<PlatformPath>,
    input: Input<Send>,
) -> Result<HttpResponse, Problem> {
    send_on(&api, &seat, &path.platform, path.chatbot_id, input.0).await
}

/// An approved form of words.
#[derive(Serialize, ToSchema)]
pub(crate) struct TemplateView {
    /// Its name.
    name: String,
    /// Its language, in the platform's form.
    #[schema(example = "en_US")]
    language: String,
    /// `approved`, `pending`, `rejected` or what else the platform says.
    state: String,
    /// The platform's category.
    category: String,
    /// Its words, with the places to fill in.
    text: String,
    /// How many places there are to fill in.
    parameters: usize,
}

/// The account's templates.
///
/// Forms of words that the platform has approved: an approved one may be sent outside the reply window.
#[utoipa::path(
    get, path = "/api/{platform}/{chatbot_id}/templates", params(PlatformPath), responses((status = 200, body = Page<TemplateView>))
)]
pub(crate) async fn templates(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<PlatformPath>,
) -> Result<Json<Page<TemplateView>>, Problem> {
    let channel = api.channel(&path.platform)?;
    let mut tx = seat.begin(&api).await?;
    let found = usable(&mut tx, path.chatbot_id, &path.platform).await?;
    // The platform may take its time: nothing is held open meanwhile.
    drop(tx);
    let opened = credentials::open(
        &api,
        seat.workspace,
        channel,
        found.integration.id,
        &found.credentials,
    )
    .await?;
    let templates = channel
        .templates(&opened)
        .await
        .ok_or_else(|| Problem::new(Kind::NotSupported, format!("{} has no templates", path.platform)))??;
    Ok(Json(Page::whole(
        templates
            .into_iter()
            .map(|template| TemplateView {
                name: template.name,
                language: template.language,
                state: template.state,
                category: template.category,
                text: template.text,
                parameters: template.parameters,
            })
            .collect(),
    )))
}

/// Look at a text before it is sent.
#[utoipa::path(
    post, path = "/api/{platform}/{chatbot_id}/preview", params(PlatformPath), request_body = PreviewInput,
    responses((status = 200, body = PreviewView))
)]
pub(crate) async fn preview(
    api: Data<AdminApi>,
    _seat: Seat,
    path: Path<PlatformPath>,
    input: Input<PreviewInput>,
) -> Result<Json<PreviewView>, Problem> {
    let channel = api.channel(&path.platform)?;
    let text = input::filled_block("text", &input.0.text, MOST_TEXT)?;
    let messages: Vec<String> = channel
        .compose(&Reply {
            text,
            ..Reply::default()
        })
        .into_iter()
        .map(|content| content.text)
        .collect();
    // Of what is sent, not of what was given: the platform's dialect may be shorter or longer.
    let previews: Option<Vec<_>> = messages.iter().map(|message| channel.preview(message)).collect();
    let encoding = previews.as_ref().and_then(|previews| {
        let wide = previews
            .iter()
            .find(|preview| preview.encoding != previews[0].encoding);
        wide.or_else(|| previews.first())
            .map(|preview| preview.encoding.clone())
    });
    Ok(Json(PreviewView {
        segments: previews.map(|previews| previews.iter().map(|preview| preview.segments).sum()),
        messages,
        encoding,
    }))
}

async fn send_on(
    api: &AdminApi,
    seat: &Seat,
    platform: &Platform,
    chatbot: ChatbotId,
    input: Send,
) -> Result<HttpResponse, Problem> {
    let channel = api.channel(platform)?;
    let text = input::block("text", &input.text, MOST_TEXT)?;
    let media = uploaded::media(input.media)?;
    let buttons = buttons(input.buttons)?;
    let template = input
        .template
        .map(|given| template(channel, platform, given))
        .transpose()?;
    let expires_in = input
        .expires_in_seconds
        .map(|seconds| {
            input::number("expires_in_seconds", seconds, 1, LONGEST_WAIT_SECONDS).map(Duration::seconds)
        })
        .transpose()?;

    let mut tx = seat.begin(api).await?;
    let found = usable(&mut tx, chatbot, platform).await?;
    let to = addressee(api, seat, channel, &found, &input.to).await?;
    let outgoing = Outgoing {
        chatbot,
        integration: &found.integration,
        channel,
        contact_key: to.contact,
        conversation_key: to.conversation.0,
        // What a member sends is the member's, whichever page they send it from.
        sender: if seat.user().is_some() {
            Sender::Agent
        } else {
            Sender::Api
        },
        author: seat.user(),
        text,
        media,
        buttons,
        template,
        expires_in,
    };
    let accepted = put_on_its_way(api, &mut tx, outgoing).await?;
    let details = serde_json::json!({ "platform": platform, "parts": accepted.parts.len() });
    seat.did(api, &mut tx, "message.send", accepted.message_id, details)
        .await?;
    tx.commit().await?;
    api.message_written(seat.workspace, accepted.conversation_id);
    api.wake_senders(platform);
    Ok(HttpResponse::Accepted().json(accepted))
}

/// Stores a message and its parts. The caller commits, then wakes the senders.
pub(crate) async fn put_on_its_way(
    api: &AdminApi,
    tx: &mut TenantTx,
    outgoing: Outgoing<'_>,
) -> Result<Accepted, Problem> {
    if outgoing.text.trim().is_empty() && outgoing.media.is_empty() && outgoing.template.is_none() {
        return Err(Problem::invalid(
            "text",
            "there is nothing to send: give text, media or both",
        ));
    }
    if outgoing.template.is_none() {
        within_window(api, tx, &outgoing).await?;
    }
    let offered = (!outgoing.buttons.is_empty())
        .then(|| serde_json::to_value(&outgoing.buttons))
        .transpose()
        .map_err(Problem::internal)?;
    let mut along = TakenAlong::of(api, tx, outgoing.chatbot, outgoing.channel, outgoing.media).await?;
    let reply = Reply {
        text: outgoing.text,
        media: std::mem::take(&mut along.media),
        buttons: outgoing.buttons,
        template: outgoing.template,
    };
    let contents = outgoing.channel.compose(&reply);
    if contents.is_empty() {
        return Err(Problem::invalid(
            "text",
            "there is nothing that this platform could send",
        ));
    }
    let segments: Vec<Option<usize>> = contents
        .iter()
        .map(|content| {
            outgoing
                .channel
                .preview(&content.text)
                .map(|preview| preview.segments)
        })
        .collect();
    let contents = contents
        .iter()
        .map(|content| serde_json::to_value(along.stored(content)))
        .collect::<Result<_, _>>()
        .map_err(Problem::internal)?;
    let new = NewOutbound {
        chatbot: outgoing.chatbot,
        integration: outgoing.integration.id,
        platform: outgoing.integration.platform.clone(),
        contact_key: outgoing.contact_key,
        conversation_key: outgoing.conversation_key,
        sender: outgoing.sender,
        author: outgoing.author,
        text: reply.template.map_or(reply.text, |template| in_words(&template)),
        buttons: offered,
        contents,
        traceparent: process::trace::current_traceparent(),
        expires_at: outgoing.expires_in.map(|wait| api.now() + wait),
    };
    let enqueued = store::outbound::enqueue(tx, new).await?;
    Ok(Accepted {
        message_id: enqueued.message,
        conversation_id: enqueued.conversation,
        segments: segments.iter().copied().sum(),
        parts: enqueued
            .parts
            .into_iter()
            .zip(segments)
            .map(|(id, segments)| AcceptedPart { id, segments })
            .collect(),
    })
}

/// A platform that lets us answer only for a while after somebody wrote refuses everything later, often long after it
/// has said that it took it: so it is said here.
async fn within_window(api: &AdminApi, tx: &mut TenantTx, outgoing: &Outgoing<'_>) -> Result<(), Problem> {
    let Some(window) = outgoing.channel.setup().limits.reply_window else {
        return Ok(());
    };
    let last = store::conversations::last_inbound_at(tx, outgoing.integration.id, &outgoing.conversation_key)
        .await?;
    let open_until = last.and_then(|last| last.checked_add_signed(Duration::from_std(window).ok()?));
    if open_until.is_some_and(|until| api.now() < until) {
        return Ok(());
    }
    let title = outgoing.channel.setup().title;
    let hours = window.as_secs() / 3_600;
    let way = if outgoing.channel.setup().features.templates {
        "send an approved template instead (`template`), or wait until they write again"
    } else {
        "wait until they write again"
    };
    let problem = match last {
        Some(last) => format!(
            "{title} delivers messages only within {hours} hours after somebody wrote; they last wrote at {}: {way}",
            last.format("%Y-%m-%d %H:%M UTC")
        ),
        None => format!(
            "{title} delivers messages only to somebody who wrote within the last {hours} hours: {way}"
        ),
    };
    Err(Problem::new(Kind::WindowClosed, problem))
}

/// What a template's message is shown as: its own words are the platform's.
fn in_words(template: &TemplateUse) -> String {
    if template.parameters.is_empty() {
        format!("[{}]", template.name)
    } else {
        format!("[{}: {}]", template.name, template.parameters.join(", "))
    }
}

fn buttons(given: Vec<ButtonInput>) -> Result<Vec<Button>, Problem> {
    if given.len() > MOST_BUTTONS {
        return Err(Problem::invalid(
            "buttons",
            format!("there may be {MOST_BUTTONS} buttons at most"),
        ));
    }
    given
        .into_iter()
        .map(|button| {
            let title = input::line("buttons", &button.title, LONGEST_TITLE)?;
            let value = match button.value {
                Some(value) => input::line("buttons", &value, LONGEST_TITLE)?,
                None => title.clone(),
            };
            Ok(Button { title, value })
        })
        .collect()
}

fn template(
    channel: &ChannelHandle,
    platform: &Platform,
    given: TemplateInput,
) -> Result<TemplateUse, Problem> {
    if !channel.setup().features.templates {
        return Err(Problem::new(
            Kind::NotSupported,
            format!("{platform} has no templates"),
        ));
    }
    Ok(TemplateUse {
        name: input::line("template.name", &given.name, 512)?,
        language: input::line("template.language", &given.language, 16)?,
        parameters: given
            .parameters
            .iter()
            .map(|parameter| input::line("template.parameters", parameter, 1_024))
            .collect::<Result<_, _>>()?,
    })
}

/// The chatbot's integration on a platform, if something can be sent through it.
pub(crate) async fn usable(
    tx: &mut TenantTx,
    chatbot: ChatbotId,
    platform: &Platform,
) -> Result<WithCredentials, Problem> {
    let refused = |detail: String| Err(Problem::new(Kind::IntegrationNotUsable, detail));
    let archived = store::chatbots::get(tx, chatbot)
        .await?
        .ok_or_else(Problem::not_found)?
        .archived_at
        .is_some();
    if archived {
        return Err(Problem::new(
            Kind::Conflict,
            "the chatbot is archived; restore it first",
        ));
    }
    let Some(found) = store::integrations::on_platform(tx, chatbot, platform).await? else {
        return refused(format!(
            "the chatbot has no {platform} integration; make one with POST /api/integrations/{chatbot}"
        ));
    };
    let integration = &found.integration;
    if !integration.enabled {
        return refused(format!(
            "the {platform} integration is switched off; switch it on with POST /api/integrations/{chatbot}/{}/toggle",
            integration.id
        ));
    }
    if integration.state == IntegrationState::Error {
        let reason = integration
            .state_reason
            .as_deref()
            .unwrap_or("the platform refuses its credentials");
        return refused(format!(
            "the {platform} integration has to be reconnected: {reason}"
        ));
    }
    Ok(found)
}

/// Whom the address given means, as the platform itself would name them.
async fn addressee(
    api: &AdminApi,
    seat: &Seat,
    channel: &ChannelHandle,
    found: &WithCredentials,
    to: &str,
) -> Result<Address, Problem> {
    let to = input::line("to", to, 200)?;
    let opened = credentials::open(
        api,
        seat.workspace,
        channel,
        found.integration.id,
        &found.credentials,
    )
    .await?;
    match channel.address(&to, &opened) {
        Some(Ok(address)) => Ok(address),
        Some(Err(error)) => Err(Problem::invalid("to", error.problem)),
        None => {
            let detail = format!(
                "{} does not let us write to somebody first",
                found.integration.platform
            );
            Err(Problem::new(Kind::NotSupported, detail))
        }
    }
}
