//! The tools of one chatbot: its owner's HTTP actions, and what its MCP servers offer and the owner allowed.

use domain::ChatbotId;
use models::Tool;
use serde::Deserialize;
use std::collections::BTreeMap;
use store::{Db, StoreError, mcp_servers, tools as stored};
use tools::{HttpAction, RemoteTool};

/// A model is shown no more.
const MOST_TOOLS: usize = 64;

/// What a chatbot may call. Secrets are opened when they are needed, not before.
#[derive(Debug, Default)]
pub(crate) struct Kit {
    /// As models are told of them.
    pub tools: Vec<Tool>,
    entries: Vec<Entry>,
}

/// One tool.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The visitor is asked first.
    pub asks: bool,
    pub kind: Kind,
}

/// Whose it is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// The owner's own.
    Http {
        stored: stored::Tool,
        action: Box<HttpAction>,
    },
    /// An MCP server's.
    Remote {
        server: mcp_servers::McpServer,
        tool: String,
    },
}

/// What an owner allowed of a server's tool.
#[derive(Deserialize)]
struct Allowed {
    confirm: bool,
}

impl Kit {
    /// Of this chatbot. What cannot be read is left out: it was written by another version.
    pub async fn load(db: &Db, chatbot: ChatbotId) -> Result<Self, StoreError> {
        let mut kit = Self::default();
        for stored in stored::load(db, chatbot).await? {
            match serde_json::from_value::<HttpAction>(stored.definition.clone()) {
                Ok(action) => kit.add_action(stored, action),
                Err(error) => tracing::warn!(%error, tool.id = %stored.id, "a tool cannot be read"),
            }
        }
        for server in mcp_servers::load(db, chatbot).await? {
            kit.add_server(&server);
        }
        Ok(kit)
    }

    fn add_action(&mut self, stored: stored::Tool, action: HttpAction) {
        let tool = Tool {
            name: stored.name.clone(),
            description: action.description.clone(),
            parameters: action.parameters.clone(),
        };
        let entry = Entry {
            asks: action.changes,
            kind: Kind::Http {
                stored,
                action: Box::new(action),
            },
        };
        self.add(tool, entry);
    }

    fn add_server(&mut self, server: &mcp_servers::McpServer) {
        let listed: Vec<RemoteTool> = serde_json::from_value(server.tools.clone()).unwrap_or_default();
        let allowed: BTreeMap<String, Allowed> =
            serde_json::from_value(server.allowed.clone()).unwrap_or_default();
        for remote in listed {
            let Some(allowed) = allowed.get(&remote.name) else {
                continue;
            };
            let name = format!("{}_{}", server.name, remote.name);
            let tool = Tool {
                name: name.chars().take(64).collect(),
                description: remote.description,
                parameters: remote.parameters,
            };
            let entry = Entry {
                asks: allowed.confirm,
                kind: Kind::Remote {
                    server: server.clone(),
                    tool: remote.name,
                },
            };
            self.add(tool, entry);
        }
    }

    fn add(&mut self, tool: Tool, entry: Entry) {
        if self.tools.len() < MOST_TOOLS && self.find(&tool.name).is_none() {
            self.tools.push(tool);
            self.entries.push(entry);
        }
    }

    /// The tool that models call so.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        let place = self.tools.iter().position(|tool| tool.name == name)?;
        self.entries.get(place)
    }
}

impl Entry {
    /// What the visitor is asked, and what yes and no are called.
    pub fn question(&self, name: &str, arguments: &serde_json::Value) -> (String, &str, &str) {
        match &self.kind {
            Kind::Http { action, .. } => (
                action.question(name, arguments),
                &action.confirm_yes,
                &action.confirm_no,
            ),
            Kind::Remote { .. } => (tools::usual_question(name, arguments), "Yes", "No"),
        }
    }

    /// What yes and no are called.
    pub fn labels(&self) -> (&str, &str) {
        match &self.kind {
            Kind::Http { action, .. } => (&action.confirm_yes, &action.confirm_no),
            Kind::Remote { .. } => ("Yes", "No"),
        }
    }

    /// Its address: documents' hosts are no safer than a tool's.
    pub fn url(&self) -> &str {
        match &self.kind {
            Kind::Http { action, .. } => &action.url,
            Kind::Remote { server, .. } => &server.url,
        }
    }
}
