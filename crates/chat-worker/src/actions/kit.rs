//! The tools of one chatbot: its owner's HTTP actions, and what its MCP servers offer and the owner allowed.

use domain::{ChatbotId, McpServerId};
use models::Tool;
use serde::Deserialize;
use std::{collections::BTreeMap, fmt, sync::Arc};
use store::{Db, StoreError, mcp_servers, switches, tools as stored};
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
    Remote { server: Arc<Server>, tool: String },
}

/// What is needed of an MCP server to call it. All its tools share it.
pub(crate) struct Server {
    pub id: McpServerId,
    pub url: String,
    pub secrets: Option<Vec<u8>>,
}

/// Nothing of its secrets.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What an owner allowed of a server's tool.
#[derive(Deserialize)]
struct Allowed {
    /// Whether the visitor is asked first; `None`: as the server says of the tool now.
    confirm: Option<bool>,
}

impl Kit {
    /// Of this chatbot, as far as administrators allow it. What cannot be read is left out: it was written by another version.
    pub async fn load(db: &Db, chatbot: ChatbotId) -> Result<Self, StoreError> {
        let mut kit = Self::default();
        let allowed = switches::get(db).await?;
        let actions = if allowed.tools {
            stored::load(db, chatbot).await?
        } else {
            Vec::new()
        };
        for stored in actions {
            match serde_json::from_value::<HttpAction>(stored.definition.clone()) {
                Ok(action) => kit.add_action(stored, action),
                Err(error) => tracing::warn!(%error, tool.id = %stored.id, "a tool cannot be read"),
            }
        }
        if allowed.mcp_servers {
            for server in mcp_servers::load(db, chatbot).await? {
                kit.add_server(server);
            }
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

    fn add_server(&mut self, server: mcp_servers::McpServer) {
        let listed: Vec<RemoteTool> = serde_json::from_value(server.tools).unwrap_or_default();
        let allowed: BTreeMap<String, Allowed> = serde_json::from_value(server.allowed).unwrap_or_default();
        let called = server.name;
        let server = Arc::new(Server {
            id: server.id,
            url: server.url,
            secrets: server.secrets,
        });
        for remote in listed {
            let Some(allowed) = allowed.get(&remote.name) else {
                continue;
            };
            let name = format!("{called}_{}", remote.name);
            let tool = Tool {
                name: name.chars().take(64).collect(),
                description: remote.description,
                parameters: remote.parameters,
            };
            let entry = Entry {
                asks: allowed.confirm.unwrap_or(remote.changes),
                kind: Kind::Remote {
                    server: Arc::clone(&server),
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

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use serde_json::{Value, json};

    fn server(read_only: bool, allowed: Value) -> mcp_servers::McpServer {
        let tool =
            |name: &str| json!({"name": name, "parameters": {"type": "object"}, "changes": !read_only});
        mcp_servers::McpServer {
            id: McpServerId::new(),
            chatbot: ChatbotId::new(),
            name: "shop".to_owned(),
            url: "https://mcp.example/".to_owned(),
            enabled: true,
            headers: json!({}),
            secrets: None,
            tools: json!([tool("find"), tool("count")]),
            allowed,
            error: None,
            listed_at: None,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    fn kit(read_only: bool, allowed: Value) -> Kit {
        let mut kit = Kit::default();
        kit.add_server(server(read_only, allowed));
        kit
    }

    #[test]
    fn a_visitor_is_asked_as_the_owner_said_and_otherwise_as_the_server_says_now() {
        let asks = |read_only, confirm: Value| {
            let kit = kit(read_only, json!({"find": {"confirm": confirm}}));
            kit.find("shop_find").unwrap().asks
        };

        assert!(!asks(true, Value::Null));
        assert!(asks(false, Value::Null));
        assert!(asks(true, json!(true)));
        assert!(!asks(false, json!(false)));
    }

    #[test]
    fn the_tools_of_a_server_share_what_it_is_called_with() {
        let kit = kit(
            true,
            json!({"find": {"confirm": null}, "count": {"confirm": null}}),
        );

        let servers: Vec<_> = kit
            .entries
            .iter()
            .filter_map(|entry| match &entry.kind {
                Kind::Remote { server, .. } => Some(server),
                Kind::Http { .. } => None,
            })
            .collect();

        assert!(servers.len() == 2 && Arc::ptr_eq(servers[0], servers[1]));
    }
}
