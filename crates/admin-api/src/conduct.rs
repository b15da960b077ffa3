//! How a chatbot conducts itself beside answering: when it hands a conversation over to a human, and where its answers may
//! link to.

use crate::{AdminApi, caller::Seat, input::Input, path::ChatbotPath, problem::Problem};
use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Serialize};
use store::conduct::{self, HandoffRules, Unfit};
use utoipa::ToSchema;

/// When a chatbot hands a conversation over to a human.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HandoffSettings {
    /// When the person asks for a human.
    on_request: bool,
    /// Languages whose usual ways to ask are listened for.
    #[schema(example = json!(["en", "de"]))]
    languages: Vec<String>,
    /// Other ways to ask. Several words are found anywhere in a message, a single one where it stands alone.
    #[schema(example = json!(["parler à quelqu'un"]))]
    request_phrases: Vec<String>,
    /// Words on which the chatbot hands over wherever they stand.
    #[schema(example = json!(["refund", "legal action"]))]
    keywords: Vec<String>,
    /// After so many questions in a row that it could not answer; `null`: never.
    #[schema(example = 3)]
    after_unanswered: Option<u32>,
    /// What the chatbot says then, once; `null`: a usual sentence in the language in which it was asked.
    text: Option<String>,
    /// After so many minutes without a word of a human the chatbot answers again; `null`: only when it is handed back.
    #[schema(example = 60)]
    hand_back_after_minutes: Option<u32>,
}

impl Default for HandoffSettings {
    fn default() -> Self {
        HandoffRules::default().into()
    }
}

impl From<HandoffRules> for HandoffSettings {
    fn from(rules: HandoffRules) -> Self {
        Self {
            on_request: rules.on_request,
            languages: rules.languages,
            request_phrases: rules.request_phrases,
            keywords: rules.keywords,
            after_unanswered: rules.after_unanswered,
            text: rules.text,
            hand_back_after_minutes: rules.hand_back_after_minutes,
        }
    }
}

impl From<HandoffSettings> for HandoffRules {
    fn from(given: HandoffSettings) -> Self {
        Self {
            on_request: given.on_request,
            languages: given.languages,
            request_phrases: given.request_phrases,
            keywords: given.keywords,
            after_unanswered: given.after_unanswered,
            text: given.text,
            hand_back_after_minutes: given.hand_back_after_minutes,
        }
    }
}

/// When a chatbot hands over to a human.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/handoff", params(ChatbotPath), responses((status = 200, body = HandoffSettings)))]
pub(crate) async fn handoff(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<HandoffSettings>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let conduct = conduct::get(&mut tx, path.chatbot_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(Json(conduct.handoff.into()))
}

/// Set when a chatbot hands over to a human.
///
/// What is left out is as it was at first. A new time of silence holds for conversations that a human has already.
#[utoipa::path(
    put, path = "/api/chatbots/{chatbot_id}/handoff", params(ChatbotPath), request_body = HandoffSettings,
    responses((status = 200, body = HandoffSettings))
)]
pub(crate) async fn save_handoff(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<HandoffSettings>,
) -> Result<Json<HandoffSettings>, Problem> {
    let rules = HandoffRules::from(input.0);
    rules.check().map_err(refused)?;
    let (mut tx, chatbot) = (seat.begin(&api).await?, path.chatbot_id);
    if !conduct::save_handoff(&mut tx, chatbot, &rules, api.now()).await? {
        return Err(Problem::not_found());
    }
    let details = serde_json::json!({
        "on_request": rules.on_request, "keywords": rules.keywords.len(), "after_unanswered": rules.after_unanswered,
    });
    seat.did(&api, &mut tx, "handoff.update", chatbot, details)
        .await?;
    tx.commit().await?;
    api.chatbot_changed(chatbot);
    Ok(Json(rules.into()))
}

/// Where a chatbot's answers may link to.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Links {
    /// Hosts, as `example.com`, or `*.example.com` for every host below it. The host of a page that the chatbot knows is
    /// allowed for what is answered from it, and so is a host in the chatbot's instructions or in the question.
    #[schema(example = json!(["shop.example.com", "*.example.org"]))]
    hosts: Vec<String>,
}

/// Where a chatbot's answers may link to.
///
/// Of links and pictures that lead elsewhere only the text is passed on; the answer's record names the hosts.
#[utoipa::path(get, path = "/api/chatbots/{chatbot_id}/links", params(ChatbotPath), responses((status = 200, body = Links)))]
pub(crate) async fn links(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
) -> Result<Json<Links>, Problem> {
    let mut tx = seat.begin(&api).await?;
    let conduct = conduct::get(&mut tx, path.chatbot_id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(Json(Links {
        hosts: conduct.link_hosts,
    }))
}

/// Set where a chatbot's answers may link to.
#[utoipa::path(
    put, path = "/api/chatbots/{chatbot_id}/links", params(ChatbotPath), request_body = Links,
    responses((status = 200, body = Links))
)]
pub(crate) async fn save_links(
    api: Data<AdminApi>,
    seat: Seat,
    path: Path<ChatbotPath>,
    input: Input<Links>,
) -> Result<Json<Links>, Problem> {
    let hosts = conduct::hosts(&input.0.hosts).map_err(refused)?;
    let (mut tx, chatbot) = (seat.begin(&api).await?, path.chatbot_id);
    if !conduct::save_link_hosts(&mut tx, chatbot, &hosts, api.now()).await? {
        return Err(Problem::not_found());
    }
    let details = serde_json::json!({ "hosts": hosts });
    seat.did(&api, &mut tx, "links.update", chatbot, details).await?;
    tx.commit().await?;
    api.chatbot_changed(chatbot);
    Ok(Json(Links { hosts }))
}

pub(crate) fn refused(unfit: Unfit) -> Problem {
    let detail = unfit.to_string();
    Problem::invalid(unfit.field, detail)
}
