//! Listing conversations: which, and how many.

use crate::{AdminApi, caller::Seat, input, page::Page, path::WorkspacePath, problem::Problem};
use actix_web::web::{Data, Json, Path, Query};
use chrono::{DateTime, Utc};
use domain::{InboxView, Rating};
use serde::Serialize;
use store::inbox::{self, Search};
use utoipa::ToSchema;
use uuid::Uuid;

/// The query of a list of conversations: what is its own, and what all have.
macro_rules! conversations_query {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(serde::Deserialize, utoipa::IntoParams)]
        #[into_params(parameter_in = Query)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $($(#[$field_doc])* pub $field: $kind,)*
            /// Of this chatbot.
            pub chatbot_id: Option<uuid::Uuid>,
            /// Through this integration.
            pub integration_id: Option<uuid::Uuid>,
            /// On this platform.
            #[param(value_type = Option<String>)]
            pub platform: Option<domain::Platform>,
            /// In these hands: `bot` or `human`.
            #[param(value_type = Option<String>)]
            pub handler: Option<domain::Handler>,
            /// In a human's hands for this reason: `requested`, `keyword`, `unanswered` or `agent`.
            #[param(value_type = Option<String>)]
            pub handoff_reason: Option<domain::HandoffReason>,
            /// Whose contact's name or address contains this.
            pub contact: Option<String>,
            /// The `next` of the page before.
            pub after: Option<uuid::Uuid>,
            /// How many items at most.
            pub limit: Option<i64>,
        }

        impl $name {
            pub(crate) fn filter(&self) -> Result<store::inbox::Filter, $crate::problem::Problem> {
                Ok(store::inbox::Filter {
                    chatbot: self.chatbot_id.map(Into::into),
                    integration: self.integration_id.map(Into::into),
                    platform: self.platform.clone(),
                    handler: self.handler,
                    handoff_reason: self.handoff_reason,
                    contact: self
                        .contact
                        .as_deref()
                        .map(|contact| $crate::input::line("contact", contact, 100))
                        .transpose()?,
                })
            }
        }
    };
}
pub(crate) use conversations_query;

conversations_query!(
    /// Which conversations to list. Every given condition must hold.
    ListQuery {
        /// In this part of the inbox: `open` (neither snoozed nor resolved), `needs_human` (of that, what a human has and has
        /// not answered since the person wrote last), `taken_over` (of that, what a human has), `snoozed` or `resolved`.
        #[param(value_type = Option<String>, example = "needs_human")]
        state: Option<InboxView>,
        /// Looked after by this member.
        assignee_id: Option<Uuid>,
        /// `true`: looked after by nobody.
        unassigned: Option<bool>,
        /// With this label.
        label_id: Option<Uuid>,
        /// With an answer that the person calls this: `good` or `bad`.
        #[param(value_type = Option<String>, example = "bad")]
        feedback: Option<Rating>,
        /// With this person: the same contact, or one who gave the same e-mail address or telephone number.
        contact_id: Option<Uuid>,
        /// In which a message, or the contact's name or address, contains this. Looked for in the 5000 newest conversations
        /// that fit the other conditions: narrow these to look further back.
        text: Option<String>,
        /// In which the person last wrote then or later.
        from: Option<DateTime<Utc>>,
        /// In which the person last wrote before then.
        until: Option<DateTime<Utc>>,
    }
);

/// How many conversations a part of the inbox has.
#[derive(Serialize, ToSchema)]
pub(crate) struct ViewCount {
    /// The part, as the list's `state` takes it; `null`: all of it.
    #[schema(value_type = Option<String>, example = "needs_human")]
    state: Option<InboxView>,
    /// How many; 1000: as many or more.
    count: usize,
}

impl ListQuery {
    pub(crate) fn search(&self) -> Result<Search, Problem> {
        let text = self.text.as_deref().map(|text| input::line("text", text, 200));
        Ok(Search {
            filter: self.filter()?,
            view: self.state,
            assignee: self.assignee_id.map(Into::into),
            unassigned: self.unassigned.unwrap_or(false),
            label: self.label_id.map(Into::into),
            feedback: self.feedback,
            person: self.contact_id.map(Into::into),
            text: text.transpose()?,
            from: self.from,
            until: self.until,
        })
    }
}

/// How many conversations each part of the inbox has.
///
/// Of those that fit the other conditions; `state`, `after` and `limit` change nothing. Parts without any are left out. A
/// `text` is looked for in the 5000 newest of all parts together.
#[utoipa::path(
    get, path = "/api/workspaces/{workspace_id}/conversations/counts", params(WorkspacePath, ListQuery),
    responses((status = 200, body = Page<ViewCount>))
)]
pub(crate) async fn counts(
    api: Data<AdminApi>,
    seat: Seat,
    _path: Path<WorkspacePath>,
    query: Query<ListQuery>,
) -> Result<Json<Page<ViewCount>>, Problem> {
    let search = query.search()?;
    let mut tx = seat.begin(&api).await?;
    let counts = inbox::counts(&mut tx, &search).await?;
    Ok(Json(Page::whole(
        counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(state, count)| ViewCount { state, count })
            .collect(),
    )))
}
