//! Tools of MCP servers, over streamable HTTP.
//!
//! Each use is a conversation of its own: it is begun, one thing is asked, and it is ended. So nothing is held open between
//! messages of a visitor, and a call that was sent is never sent again by itself.
//!
//! Written against revision 2025-11-25 of the protocol, which servers of all earlier ones answer; the official crate's
//! client brings connections of its own, and what is called here has to go through the guard.

use crate::{
    action::{Unfit, check_header, check_name},
    call::{Tools, beginning, unreachable},
    outcome::{Outcome, Secrets, cut},
    schema,
};
use egress::CheckedUrl;
use futures_util::{Stream, StreamExt};
use reqwest::{Response, StatusCode, header};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    pin::pin,
    time::{Duration, Instant},
};

const VERSION: &str = "2025-11-25";
const SESSION: &str = "Mcp-Session-Id";
const PROTOCOL: &str = "MCP-Protocol-Version";
/// For each thing that is asked, its beginning and end included.
const LIMIT: Duration = Duration::from_secs(30);
const LARGEST_ANSWER: usize = 1024 * 1024;
/// How much of a tool's answer a model is shown.
const LARGEST_CONTENT: usize = 16 * 1024;
const MOST_TOOLS: usize = 200;
const MOST_PAGES: usize = 20;
/// Names, descriptions and schemas of all tools of a server together, in bytes.
const LARGEST_LISTING: usize = 512 * 1024;
/// So many of those that were left out are named.
const MOST_NAMED: usize = 10;

/// A server, and what it is called with.
#[derive(Debug, Clone)]
pub struct McpServer {
    /// Its address.
    pub url: String,
    /// Headers of every request.
    pub headers: Secrets,
}

/// A tool, as its server lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoteTool {
    /// Its name there.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
    /// Whether it may change something: so unless the server says that it only reads.
    pub changes: bool,
}

/// What a server offers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listed {
    /// As much of it as can be used.
    pub tools: Vec<RemoteTool>,
    /// Names of tools that are too large, or too many, and how many more there are.
    left_out: (Vec<String>, usize),
}

impl Listed {
    /// What its owner has to know of those that were left out. `None`: there are none.
    pub fn problem(&self) -> Option<String> {
        let (named, more) = &self.left_out;
        if named.is_empty() {
            return None;
        }
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!(
            "tools were left out: {}{more}. A tool's schema may have {} bytes at most; all tools together {MOST_TOOLS} \
             tools and {LARGEST_LISTING} bytes",
            named.join(", "),
            schema::LARGEST,
        ))
    }

    fn add(&mut self, tool: RemoteTool, room: &mut usize) {
        let schema = tool.parameters.to_string().len();
        let size = tool.name.len() + tool.description.len() + schema;
        if schema > schema::LARGEST || size > *room || self.tools.len() >= MOST_TOOLS {
            let (named, more) = &mut self.left_out;
            if named.len() < MOST_NAMED {
                named.push(tool.name);
            } else {
                *more += 1;
            }
        } else {
            *room -= size;
            self.tools.push(tool);
        }
    }
}

/// A conversation with a server, begun.
struct Session {
    url: CheckedUrl,
    id: Option<String>,
    version: String,
}

impl McpServer {
    /// The first header that no request may bear.
    pub fn check_headers(&self) -> Result<(), Unfit> {
        self.headers
            .iter()
            .try_for_each(|(name, value)| check_header("headers", name, value.expose_secret()))
    }
}

impl Tools {
    /// What a server offers; or why it cannot be said.
    pub async fn list(&self, server: &McpServer) -> Result<Listed, String> {
        let listed = tokio::time::timeout(LIMIT, async {
            let session = self.begin(server).await?;
            let listed = self.list_in(server, &session).await;
            self.end(server, &session).await;
            listed
        });
        let listed = listed
            .await
            .unwrap_or_else(|_| Err(format!("no answer came within {} seconds", LIMIT.as_secs())));
        listed.map_err(|why| server.headers.masked(&why))
    }

    async fn list_in(&self, server: &McpServer, session: &Session) -> Result<Listed, String> {
        let mut listed = Listed::default();
        let mut room = LARGEST_LISTING;
        let mut cursor = Value::Null;
        for page in 0..MOST_PAGES {
            let params = if cursor.is_null() {
                json!({})
            } else {
                json!({"cursor": cursor})
            };
            let result = self.ask(server, session, page + 2, "tools/list", params).await?;
            for tool in result["tools"].as_array().into_iter().flatten() {
                if let Some(tool) = read_tool(tool, &server.headers) {
                    listed.add(tool, &mut room);
                }
            }
            cursor = result["nextCursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        Ok(listed)
    }

    /// Calls one of a server's tools. `key` names this one call, for servers that know repeats by it.
    pub async fn call_remote(&self, server: &McpServer, tool: &str, arguments: &Value, key: &str) -> Outcome {
        let started = Instant::now();
        let called = tokio::time::timeout(LIMIT, async {
            let session = self.begin(server).await?;
            let params = json!({"name": tool, "arguments": arguments, "_meta": {"idempotencyKey": key}});
            let result = self.ask(server, &session, 2, "tools/call", params).await;
            self.end(server, &session).await;
            result
        });
        let called = called
            .await
            .unwrap_or_else(|_| Err(format!("no answer came within {} seconds", LIMIT.as_secs())));
        let took = started.elapsed();
        match called {
            Err(why) => Outcome::failed(server.headers.masked(&why), took),
            Ok(result) => Outcome {
                status: Some(StatusCode::OK.as_u16()),
                content: content(&result, &server.headers),
                error: (result["isError"] == true).then(|| "the tool reports an error".to_owned()),
                took,
            },
        }
    }

    async fn begin(&self, server: &McpServer) -> Result<Session, String> {
        let url = self.guard.check(&server.url).map_err(|error| error.to_string())?;
        let mut session = Session {
            url,
            id: None,
            version: VERSION.to_owned(),
        };
        let params = json!({
            "protocolVersion": VERSION, "capabilities": {},
            "clientInfo": {"name": "BotSmith", "version": env!("CARGO_PKG_VERSION")},
        });
        let asked = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
        let response = self.post(server, &session, &asked).await?;
        session.id = response
            .headers()
            .get(SESSION)
            .and_then(|id| id.to_str().ok())
            .map(str::to_owned);
        let result = answer(response, 1, &server.headers).await?;
        if let Some(version) = result["protocolVersion"].as_str() {
            session.version = version.chars().filter(char::is_ascii_graphic).take(20).collect();
        }
        let begun = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        self.post(server, &session, &begun).await?;
        Ok(session)
    }

    async fn ask(
        &self,
        server: &McpServer,
        session: &Session,
        id: usize,
        method: &str,
        params: Value,
    ) -> Result<Value, String> {
        let asked = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        answer(self.post(server, session, &asked).await?, id, &server.headers).await
    }

    async fn post(&self, server: &McpServer, session: &Session, message: &Value) -> Result<Response, String> {
        let mut request = self
            .client
            .post(&session.url)
            .header(header::ACCEPT, "application/json, text/event-stream")
            .json(message);
        request = dressed(request, server, session);
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                format!(
                    "the server does not accept the headers (HTTP status {})",
                    status.as_u16()
                )
            }
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                format!(
                    "there is no MCP server at this address (HTTP status {})",
                    status.as_u16()
                )
            }
            status => format!("the server answers with HTTP status {}", status.as_u16()),
        })
    }

    /// Servers that keep nothing say so; nobody waits for it.
    async fn end(&self, server: &McpServer, session: &Session) {
        if session.id.is_some() {
            let request = self.client.request(reqwest::Method::DELETE, &session.url);
            let ending = dressed(request, server, session).timeout(Duration::from_secs(2));
            drop(ending.send().await);
        }
    }
}

fn dressed(
    mut request: reqwest::RequestBuilder,
    server: &McpServer,
    session: &Session,
) -> reqwest::RequestBuilder {
    request = request.header(PROTOCOL, &session.version);
    if let Some(id) = &session.id {
        request = request.header(SESSION, id);
    }
    for (name, value) in server.headers.iter() {
        if let Ok(value) = header::HeaderValue::try_from(value.expose_secret()) {
            request = request.header(name, value);
        }
    }
    request
}

/// The result in an answer, which is JSON or a stream of events of which one is it.
async fn answer(response: Response, id: usize, secrets: &Secrets) -> Result<Value, String> {
    let is_stream = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|given| given.as_bytes().starts_with(b"text/event-stream"));
    let message = if is_stream {
        from_stream(response.bytes_stream(), id).await?
    } else {
        let (body, is_whole) = beginning(response, LARGEST_ANSWER)
            .await
            .map_err(|error| unreachable(&error))?;
        if !is_whole {
            return Err(format!("the answer is larger than {LARGEST_ANSWER} bytes"));
        }
        serde_json::from_slice(&body).map_err(|_| "the answer is no JSON".to_owned())?
    };
    if let Some(error) = message.get("error").filter(|error| !error.is_null()) {
        let said = secrets.masked(error["message"].as_str().unwrap_or("no reason"));
        let said: String = said.chars().take(300).collect();
        return Err(format!("the server refuses: {said}"));
    }
    match message.get("result") {
        Some(result) => Ok(result.clone()),
        None => Err("the answer is none of JSON-RPC".to_owned()),
    }
}

/// Reads no further than the answer: some servers keep the stream open.
async fn from_stream<P: AsRef<[u8]>>(
    pieces: impl Stream<Item = Result<P, reqwest::Error>>,
    id: usize,
) -> Result<Value, String> {
    let mut pieces = pin!(pieces);
    let mut text = Vec::new();
    // Up to where events were read, and up to where the end of the next one was looked for.
    let (mut read, mut sought) = (0, 0);
    while let Some(piece) = pieces.next().await {
        text.extend_from_slice(piece.map_err(|error| unreachable(&error))?.as_ref());
        if text.len() > LARGEST_ANSWER {
            return Err(format!("the answer is larger than {LARGEST_ANSWER} bytes"));
        }
        // An event ends with an empty line.
        while let Some(end) = event_end(&text[sought..]).map(|end| sought + end) {
            let event = String::from_utf8_lossy(&text[read..end]).replace('\r', "");
            (read, sought) = (end, end);
            let data: Vec<&str> = event
                .lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .map(|data| data.strip_prefix(' ').unwrap_or(data))
                .collect();
            if let Ok(message) = serde_json::from_str::<Value>(&data.join("\n"))
                && message["id"] == id
            {
                return Ok(message);
            }
        }
        // All but its last byte may be there already.
        sought = read.max(text.len().saturating_sub(LONGEST_END - 1));
    }
    Err("the answer ended before it was whole".to_owned())
}

/// The longest end of an event.
const LONGEST_END: usize = 4;

fn event_end(bytes: &[u8]) -> Option<usize> {
    let find = |end: &[u8]| {
        bytes
            .windows(end.len())
            .position(|window| window == end)
            .map(|at| at + end.len())
    };
    [find(b"\n\n"), find(b"\r\n\r\n"), find(b"\r\r")]
        .into_iter()
        .flatten()
        .min()
}

/// A tool that models can be told of. Others are passed over.
fn read_tool(tool: &Value, secrets: &Secrets) -> Option<RemoteTool> {
    let name = tool["name"].as_str().filter(|name| check_name(name).is_ok())?;
    let parameters = tool
        .get("inputSchema")
        .filter(|schema| schema["type"] == "object")?;
    let described = tool["description"]
        .as_str()
        .or(tool["title"].as_str())
        .unwrap_or_default();
    Some(RemoteTool {
        name: name.to_owned(),
        description: secrets.masked(described).chars().take(2_000).collect(),
        parameters: parameters.clone(),
        changes: tool["annotations"]["readOnlyHint"] != true,
    })
}

/// The texts of a tool's answer; of pictures and the like that they are there.
fn content(result: &Value, secrets: &Secrets) -> String {
    let mut said: Vec<String> = Vec::new();
    for part in result["content"].as_array().into_iter().flatten() {
        match (part["type"].as_str(), part["text"].as_str()) {
            (Some("text"), Some(text)) => said.push(text.to_owned()),
            (Some("resource"), _) if part["resource"]["text"].is_string() => {
                said.extend(part["resource"]["text"].as_str().map(str::to_owned));
            }
            (Some(kind), _) => {
                let kind: String = secrets.masked(kind).chars().take(20).collect();
                said.push(format!("({kind})"));
            }
            (None, _) => {}
        }
    }
    if said.is_empty() && result["structuredContent"].is_object() {
        said.push(result["structuredContent"].to_string());
    }
    // What was cut first could end with the beginning of a secret, which nobody would know for one.
    cut(secrets.masked(&said.join("\n")), LARGEST_CONTENT, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use secrecy::SecretString;
    use std::collections::BTreeMap;
    use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::method};

    /// A server with two tools, which keeps sessions and answers as JSON or as events.
    struct Played {
        events: bool,
    }

    impl Respond for Played {
        fn respond(&self, request: &Request) -> ResponseTemplate {
            let asked: Value = serde_json::from_slice(&request.body).unwrap();
            let header = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap());
            if header("authorization") != Some("Bearer c4nary") {
                return ResponseTemplate::new(401);
            }
            let kind = asked["method"].as_str().unwrap();
            if kind != "initialize" && (header(SESSION), header(PROTOCOL)) != (Some("s1"), Some("2025-06-18"))
            {
                return ResponseTemplate::new(400);
            }
            let result = match kind {
                "initialize" => {
                    json!({"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {}})
                }
                "notifications/initialized" => return ResponseTemplate::new(202),
                "tools/list" if asked["params"]["cursor"].is_null() => json!({
                    "tools": [{"name": "find", "description": "Finds.", "inputSchema": {"type": "object"},
                               "annotations": {"readOnlyHint": true}}],
                    "nextCursor": "2",
                }),
                "tools/list" => json!({"tools": [
                    {"name": "order", "inputSchema": {"type": "object"}},
                    {"name": "no name", "inputSchema": {"type": "object"}},
                ]}),
                "tools/call" if asked["params"]["name"] == "find" => json!({
                    "content": [{"type": "text", "text": format!("{} for Bearer c4nary", asked["params"]["arguments"])},
                                {"type": "image", "data": "AA"}],
                }),
                _ => json!({"content": [{"type": "text", "text": "sold out"}], "isError": true}),
            };
            let message = json!({"jsonrpc": "2.0", "id": asked["id"], "result": result});
            let answer = ResponseTemplate::new(200).insert_header(SESSION, "s1");
            if self.events {
                let other = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {}});
                let events = format!(
                    "event: message\r\ndata: {other}\r\n\r\nevent: message\r\ndata: {message}\r\n\r\n"
                );
                answer.set_body_raw(events, "text/event-stream")
            } else {
                answer.set_body_json(message)
            }
        }
    }

    async fn played(events: bool) -> (MockServer, McpServer, Tools) {
        let played = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(Played { events })
            .mount(&played)
            .await;
        Mock::given(method("DELETE"))
            .respond_with(ResponseTemplate::new(200))
            .expect(1..)
            .mount(&played)
            .await;
        let headers = BTreeMap::from([("Authorization".to_owned(), SecretString::from("Bearer c4nary"))]);
        let server = McpServer {
            url: format!("{}/mcp", played.uri()),
            headers: Secrets::new(headers),
        };
        let settings = Settings {
            allowed_private_cidrs: vec!["127.0.0.0/8".parse().unwrap()],
        };
        (played, server, Tools::open(&settings).unwrap())
    }

    #[tokio::test]
    async fn a_servers_tools_are_listed_and_called_whether_it_streams_or_not() {
        for events in [false, true] {
            let (_played, server, tools) = played(events).await;

            let listed = tools.list(&server).await.unwrap();
            let found = tools.call_remote(&server, "find", &json!({"q": 1}), "k").await;
            let refused = tools.call_remote(&server, "order", &json!({}), "k").await;

            let names: Vec<_> = listed
                .tools
                .iter()
                .map(|tool| (tool.name.as_str(), tool.changes))
                .collect();
            assert_eq!(names, [("find", false), ("order", true)]);
            assert_eq!(
                (found.content.as_str(), found.error),
                ("{\"q\":1} for ••••\n(image)", None)
            );
            assert_eq!(
                refused.told(),
                "It did not work: the tool reports an error\nsold out"
            );
        }
    }

    #[tokio::test]
    async fn a_server_that_refuses_or_is_none_says_so_without_the_secret() {
        let (_played, mut server, tools) = played(false).await;
        tools.list(&server).await.unwrap();

        server.headers = Secrets::default();
        let unauthorized = tools.list(&server).await.unwrap_err();
        let closed = Tools::open(&Settings::default()).unwrap();
        let inner = closed.call_remote(&server, "find", &json!({}), "k").await;

        assert_eq!(
            unauthorized,
            "the server does not accept the headers (HTTP status 401)"
        );
        assert!(inner.error.is_some() && inner.status.is_none());
    }

    #[test]
    fn a_tool_that_is_too_large_is_left_out_and_its_owner_hears_of_it() {
        let tool = |name: &str, size: usize| RemoteTool {
            name: name.to_owned(),
            description: String::new(),
            parameters: json!({"type": "object", "title": "x".repeat(size)}),
            changes: true,
        };
        let (mut listed, mut room) = (Listed::default(), LARGEST_LISTING);
        listed.add(tool("small", 10), &mut room);
        assert_eq!(listed.problem(), None);

        listed.add(tool("large", schema::LARGEST), &mut room);
        for at in 0..40 {
            listed.add(tool(&format!("t{at}"), schema::LARGEST - 100), &mut room);
        }

        let kept: usize = listed
            .tools
            .iter()
            .map(|tool| tool.parameters.to_string().len())
            .sum();
        assert!(kept <= LARGEST_LISTING && listed.tools.len() > 30, "{kept}");
        let problem = listed.problem().unwrap();
        assert!(problem.starts_with("tools were left out: large, t3"), "{problem}");
    }

    #[test]
    fn a_secret_at_the_cut_of_an_answer_is_not_shown_in_part() {
        let values = BTreeMap::from([("Authorization".to_owned(), SecretString::from("Bearer c4nary"))]);
        let secrets = Secrets::new(values);
        for before in LARGEST_CONTENT - 14..=LARGEST_CONTENT {
            let text = format!("{}Bearer c4nary", "x".repeat(before));
            let shown = content(&json!({"content": [{"type": "text", "text": text}]}), &secrets);
            assert!(!shown.contains("Be"), "{before}");
        }
    }

    #[tokio::test]
    async fn an_event_that_comes_in_pieces_is_found_whatever_its_lines_end_with() {
        for end in ["\n\n", "\r\n\r\n", "\r\r"] {
            let event = format!("data: {{\"id\": 1}}{end}data: {{\"id\": 2, \"result\": 7}}{end}");
            let pieces = event.bytes().map(|byte| Ok::<_, reqwest::Error>([byte]));

            let found = from_stream(futures_util::stream::iter(pieces), 2).await.unwrap();

            assert_eq!(found["result"], 7, "{end:?}");
        }
    }
}
