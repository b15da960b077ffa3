//! Areas of the API, by which a key is narrowed beside its role.
//!
//! Invariant: a key with areas reaches no route without one. Those are the routes that hand out access, people and keys:
//! whoever is narrowed cannot widen themselves.

use crate::{
    problem::{Kind, Problem},
    route::Access,
};
use actix_web::http::Method;
use domain::Role;
use serde::{Deserialize, Serialize};
use store::api_keys::Scope;
use utoipa::ToSchema;

/// A part of the API that a key may be narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Area {
    /// The workspace itself: its name, plan, budgets and activity, and who is told what happens in it.
    Workspace,
    /// What chatbots are, do and may call, and how well.
    Chatbots,
    /// What chatbots know, and what they could not answer.
    Knowledge,
    /// Conversations, taking them over, and the people in them.
    Conversations,
    /// Platforms, the widget and what went wrong there.
    Integrations,
    /// Sending messages that nobody asked for.
    Sending,
    /// Figures.
    Analytics,
}

impl Area {
    /// Every one.
    pub(crate) const ALL: [Self; 7] = [
        Self::Workspace,
        Self::Chatbots,
        Self::Knowledge,
        Self::Conversations,
        Self::Integrations,
        Self::Sending,
        Self::Analytics,
    ];

    /// As it is stored.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Chatbots => "chatbots",
            Self::Knowledge => "knowledge",
            Self::Conversations => Scope::CONVERSATIONS,
            Self::Integrations => "integrations",
            Self::Sending => "sending",
            Self::Analytics => "analytics",
        }
    }

    /// Whose routes are in which area, by the file that they are in.
    pub(crate) fn of(subject: &str) -> Option<Self> {
        Some(match subject {
            "workspaces" | "activity" | "budgets" | "usage" | "invoices" | "stripe" | "webhooks"
            | "deliveries" | "events" => Self::Workspace,
            "chatbots" | "conduct" | "tools" | "servers" | "versions" | "changes" | "draft" | "golden"
            | "import" | "trials" | "transfer" => Self::Chatbots,
            "knowledge" | "search" | "sources" | "files" | "pairs" | "reading" | "unanswered" | "mcp" => {
                Self::Knowledge
            }
            "conversations" | "listing" | "attachments" | "again" | "taken" | "corrections" | "labels"
            | "notes" | "canned_replies" | "progress" | "leads" | "sheet" | "stages" | "people" => {
                Self::Conversations
            }
            "integrations" | "quarantine" | "widget" | "dead_letters" | "platforms" => Self::Integrations,
            "sending" | "uploaded" => Self::Sending,
            "analytics" => Self::Analytics,
            _ => return None,
        })
    }
}

/// What a route asks of whoever calls it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub access: Access,
    pub area: Option<Area>,
    /// See [`Route::in_person`](crate::route::Route::in_person).
    pub in_person: bool,
}

impl Rule {
    /// Whether a key of this scope may. Reading is what a viewer may do, by whatever method.
    pub(crate) fn admits(self, scope: &Scope, method: &Method) -> Result<(), Problem> {
        let reads = matches!(*method, Method::GET | Method::HEAD)
            || matches!(self.access, Access::Known | Access::Member(Role::Viewer));
        if scope.read_only && !reads {
            return Err(Problem::new(
                Kind::Forbidden,
                "this key only reads; make one that may change things",
            ));
        }
        match self.area {
            Some(area) if scope.covers(area.name()) => Ok(()),
            None if scope.areas.is_none() => Ok(()),
            Some(area) => Err(Problem::new(
                Kind::Forbidden,
                format!("this needs the area {} of the key's scope", area.name()),
            )),
            None => Err(Problem::new(
                Kind::Forbidden,
                "a key that is narrowed to areas cannot do this: it would widen itself",
            )),
        }
    }
}
