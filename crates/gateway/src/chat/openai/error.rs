//! Errors in OpenAI's form.

use super::shorten;
use crate::chat::error::ChatError;
use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde_json::{Value, json};
use std::{fmt, time::Duration};
use store::StoreError;

/// Why there is no completion.
#[derive(Debug)]
pub struct OpenAiError {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<&'static str>,
    message: String,
    after: Option<Duration>,
    /// Whether asking again would ask twice: the clients ask again by themselves.
    asked: bool,
}

impl OpenAiError {
    pub fn invalid(param: &'static str, message: String) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            code: None,
            param: Some(param),
            message,
            after: None,
            asked: false,
        }
    }

    pub fn unknown_model(model: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: Some("model_not_found"),
            ..Self::invalid(
                "model",
                format!(
                    "there is no chatbot {:?} that this key may ask: give the id or the name of one that is connected to the \
                     REST API, as GET /v1/models lists them",
                    shorten(model)
                ),
            )
        }
    }

    /// It was asked, and there is no answer to give.
    pub fn unanswered(status: StatusCode, code: &'static str, message: String) -> Self {
        Self {
            status,
            kind: "server_error",
            code: Some(code),
            param: None,
            message,
            after: None,
            asked: true,
        }
    }

    /// A stable word for metrics.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// As the clients read it.
    pub fn body(&self) -> Value {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}})
    }
}

impl fmt::Display for OpenAiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ChatError> for OpenAiError {
    fn from(error: ChatError) -> Self {
        let status = error.status_code();
        let (status, kind, code) = match status {
            StatusCode::UNAUTHORIZED => (status, "authentication_error", Some("invalid_api_key")),
            StatusCode::FORBIDDEN => (status, "permission_error", None),
            StatusCode::TOO_MANY_REQUESTS => (status, "rate_limit_error", Some("rate_limit_exceeded")),
            StatusCode::SERVICE_UNAVAILABLE => (status, "server_error", None),
            StatusCode::UNPROCESSABLE_ENTITY => (StatusCode::BAD_REQUEST, "invalid_request_error", None),
            status => (status, "invalid_request_error", None),
        };
        Self {
            status,
            kind,
            code,
            param: match &error {
                ChatError::Invalid { field, .. } => Some(*field),
                _ => None,
            },
            after: error.after(),
            message: error.to_string(),
            asked: false,
        }
    }
}

impl From<StoreError> for OpenAiError {
    fn from(error: StoreError) -> Self {
        ChatError::from(error).into()
    }
}

impl ResponseError for OpenAiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        tracing::info!(reason = self.kind, message = self.message, "no completion");
        let mut response = HttpResponse::build(self.status);
        if let Some(after) = self.after {
            response.insert_header(("retry-after", after.as_secs().max(1).to_string()));
        }
        if self.asked {
            // Both official clients heed it.
            response.insert_header(("x-should-retry", "false"));
        }
        response.json(self.body())
    }
}
