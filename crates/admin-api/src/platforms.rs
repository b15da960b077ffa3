//! The platforms of this installation, and how to connect each of them.

use crate::{AdminApi, caller::Seat, page::Page, path::PlatformPath, problem::Problem};
use actix_web::web::{Data, Json, Path};
use channel::{ChannelHandle, Features, FieldKind, SetupStep};
use domain::{ChatbotId, Platform};
use serde::Serialize;
use utoipa::ToSchema;

/// A platform.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlatformView {
    /// Its name, as in addresses.
    #[schema(value_type = String, example = "twilio")]
    platform: Platform,
    /// Its name, as people know it.
    title: &'static str,
    /// What has to be typed in.
    fields: Vec<FieldView>,
    /// What has to be done on the platform; `{webhook_url}` stands for the chatbot's address.
    steps: Vec<StepView>,
    /// What the platform bears.
    limits: LimitsView,
    /// What works on it.
    features: FeaturesView,
}

/// What works on a platform.
#[derive(Serialize, ToSchema)]
pub(crate) struct FeaturesView {
    /// Pictures and files from people are fetched and stored.
    media_in: bool,
    /// Pictures and files can be sent.
    media_out: bool,
    /// How many buttons a message bears; with 0 they are written as a numbered list.
    buttons: usize,
    /// The person sees that an answer is being written.
    typing: bool,
    /// The platform reports that a message was delivered.
    delivered: bool,
    /// The platform reports that a message was read.
    read: bool,
    /// Approved templates can be sent outside the reply window.
    templates: bool,
    /// An answer can be shown while it is being written.
    streaming: bool,
    /// Messages can be read over a connection that BotSmith opens, without a public address.
    connection: bool,
    /// Messages come by webhook.
    webhook: bool,
}

impl From<Features> for FeaturesView {
    fn from(features: Features) -> Self {
        Self {
            media_in: features.media_in,
            media_out: features.media_out,
            buttons: features.buttons,
            typing: features.typing,
            delivered: features.delivered,
            read: features.read,
            templates: features.templates,
            streaming: features.streaming,
            connection: features.connection,
            webhook: features.webhook,
        }
    }
}

/// One field of the form.
#[derive(Serialize, ToSchema)]
pub(crate) struct FieldView {
    /// Its name in `credentials`.
    name: &'static str,
    /// Its label.
    label: &'static str,
    /// What to type in and where it is found.
    help: &'static str,
    /// `text`, `secret` or `phone`.
    #[schema(value_type = String, example = "secret")]
    kind: FieldKind,
    /// Whether it may be left out.
    optional: bool,
    /// Whether a random value is made up where it is left out.
    generated: bool,
}

/// One thing to do on the platform.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepView {
    /// What to do.
    title: String,
    /// How.
    detail: String,
    /// Text to paste there.
    paste: Option<String>,
}

/// What a platform bears.
#[derive(Serialize, ToSchema)]
pub(crate) struct LimitsView {
    /// Messages a second.
    sends_per_second: f64,
    /// How long after a contact's last message an answer may be sent, where that is limited.
    reply_window_seconds: Option<u64>,
    /// How long to wait for more before answering.
    settle_milliseconds: u64,
}

/// How to connect a platform to a chatbot.
#[derive(Serialize, ToSchema)]
pub(crate) struct Instructions {
    /// The platform.
    #[schema(value_type = String)]
    platform: Platform,
    /// The chatbot.
    #[schema(value_type = Uuid)]
    chatbot_id: ChatbotId,
    /// Its name, as people know it.
    title: &'static str,
    /// Where the platform has to send what people write.
    webhook_url: String,
    /// What to do, in order.
    steps: Vec<StepView>,
    /// What has to be typed in.
    fields: Vec<FieldView>,
    /// Whether the chatbot has an integration on this platform already.
    connected: bool,
}

/// The platforms.
#[utoipa::path(get, path = "/api/platforms", responses((status = 200, body = Page<PlatformView>)))]
pub(crate) async fn list(api: Data<AdminApi>) -> Json<Page<PlatformView>> {
    Json(Page::whole(api.channels().iter().map(view).collect()))
}

/// How to connect a platform to a chatbot.
#[utoipa::path(
    get, path = "/api/{platform}/{chatbot_id}/setup-instructions", params(PlatformPath), responses((status = 200, body = Instructions))
)]
pub(crate) async fn instructions(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<PlatformPath>,
) -> Result<Json<Instructions>, Problem> {
    let channel = api.channel(&path.platform)?;
    let webhook_url = api.webhook_url(&path.platform, path.chatbot_id)?.to_string();
    let mut tx = seat.begin(&api).await?;
    let chatbot = store::chatbots::get(&mut tx, path.chatbot_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let connected = store::integrations::on_platform(&mut tx, path.chatbot_id, &path.platform)
        .await?
        .is_some();
    let setup = channel.setup();
    Ok(Json(Instructions {
        platform: path.platform.clone(),
        chatbot_id: path.chatbot_id,
        title: setup.title,
        steps: setup
            .steps
            .iter()
            .map(|step| StepView::of(step, |text| filled_in(text, &webhook_url, &chatbot.name)))
            .collect(),
        fields: fields(&setup),
        webhook_url,
        connected,
    }))
}

impl StepView {
    fn of(step: &SetupStep, fill_in: impl Fn(&str) -> String) -> Self {
        Self {
            title: fill_in(step.title),
            detail: fill_in(step.detail),
            paste: step.paste.map(fill_in),
        }
    }
}

/// What is pasted may be JSON: a name is put in as it may stand in a string there.
fn filled_in(text: &str, webhook_url: &str, bot_name: &str) -> String {
    let name: String = bot_name
        .chars()
        .filter(|c| !matches!(c, '"' | '\\') && !c.is_control())
        .collect();
    text.replace("{webhook_url}", webhook_url)
        .replace("{bot_name}", &name)
}

fn view(channel: &ChannelHandle) -> PlatformView {
    let setup = channel.setup();
    PlatformView {
        platform: channel.platform(),
        title: setup.title,
        fields: fields(&setup),
        steps: setup
            .steps
            .iter()
            .map(|step| StepView::of(step, str::to_owned))
            .collect(),
        limits: LimitsView {
            sends_per_second: setup.limits.sends_per_second,
            reply_window_seconds: setup.limits.reply_window.map(|window| window.as_secs()),
            settle_milliseconds: u64::try_from(setup.limits.settle.as_millis()).unwrap_or(u64::MAX),
        },
        features: setup.features.into(),
    }
}

fn fields(setup: &channel::Setup) -> Vec<FieldView> {
    setup
        .fields
        .iter()
        .map(|field| FieldView {
            name: field.name,
            label: field.label,
            help: field.help,
            kind: field.kind,
            optional: field.optional,
            generated: field.generated,
        })
        .collect()
}
