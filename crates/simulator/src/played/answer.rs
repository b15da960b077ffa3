//! What a platform's API answers.

use super::Outgoing;
use actix_web::{HttpResponse, http::StatusCode};
use bytes::Bytes;
use serde_json::Value;

/// An answer, before it is sent.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Empty,
    Json(Value),
    Bytes { content_type: String, bytes: Bytes },
}

impl Answer {
    pub(crate) const fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Json(body),
        }
    }

    pub(crate) const fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Empty,
        }
    }

    pub(crate) fn bytes(status: u16, content_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Body::Bytes {
                content_type: content_type.into(),
                bytes: bytes.into(),
            },
        }
    }

    pub(crate) fn with(mut self, header: &'static str, value: impl ToString) -> Self {
        self.headers.push((header, value.to_string()));
        self
    }

    pub(crate) fn response(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        for header in self.headers {
            response.insert_header(header);
        }
        match self.body {
            Body::Empty => response.finish(),
            Body::Json(json) => response.json(json),
            Body::Bytes { content_type, bytes } => response.content_type(content_type).body(bytes),
        }
    }
}

/// What came of a call: its answer, and the message that it made, of which there may be news.
pub(crate) struct Done {
    pub answer: Answer,
    pub message: Option<Outgoing>,
    /// The platform's code, where the message is accepted and will fail.
    pub failed: Option<u32>,
}

impl Done {
    /// A message was made.
    pub fn sent(message: Outgoing, answer: Answer) -> Self {
        Self {
            answer,
            message: Some(message),
            failed: None,
        }
    }
}

impl From<Answer> for Done {
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            message: None,
            failed: None,
        }
    }
}
