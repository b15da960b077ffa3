//! Tools: a model asks for a call, the visitor says yes where it changes something, and the record tells of it.

use crate::shared::PATIENCE;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use simulator::{
    model::{Answer, Behaviour, CallRule, Provider, Trouble},
    twilio::{Inbound, Message, Retries},
};
use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};
use whole_product::{
    alone,
    api::Bot,
    load::contact,
    product::{Mode, Options, Product},
};

const SECRET: &str = "Bearer c4nary-of-the-shop";

/// One call, as the shop's API got it.
#[derive(Debug, Clone, PartialEq)]
struct Got {
    what: String,
    key: String,
    authorization: String,
    body: Value,
}

/// The shop's own API, and everything that it was asked.
#[derive(Clone, Default)]
struct ShopApi {
    got: Arc<Mutex<Vec<Got>>>,
    /// What happens elsewhere when it is called.
    meanwhile: Arc<Mutex<Option<Meanwhile>>>,
}

type Meanwhile = Box<dyn Fn() + Send>;

impl ShopApi {
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shop = self.clone();
        let server = HttpServer::new(move || {
            let shop = shop.clone();
            App::new().default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
                let answer = shop.take(&request, &body);
                async move { answer }
            }))
        });
        tokio::spawn(
            server
                .workers(1)
                .disable_signals()
                .listen(listener)
                .unwrap()
                .run(),
        );
        url
    }

    fn take(&self, request: &HttpRequest, body: &[u8]) -> HttpResponse {
        let header = |name: &str| {
            let value = request.headers().get(name);
            value
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        if request.path() == "/mcp" {
            return mcp(&serde_json::from_slice(body).unwrap_or_default());
        }
        if let Some(meanwhile) = &*self.meanwhile.lock().unwrap() {
            meanwhile();
        }
        self.got.lock().unwrap().push(Got {
            what: format!("{} {}", request.method(), request.uri()),
            key: header("idempotency-key"),
            authorization: header("authorization"),
            body: serde_json::from_slice(body).unwrap_or_default(),
        });
        HttpResponse::Ok().body(format!("on its way; you sent {}", header("authorization")))
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

/// A small MCP server.
fn mcp(asked: &Value) -> HttpResponse {
    let result = match asked["method"].as_str() {
        Some("initialize") => {
            json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {}})
        }
        Some("tools/list") => json!({"tools": [{
            "name": "stock", "description": "How many there are.", "inputSchema": {"type": "object"},
            "annotations": {"readOnlyHint": true},
        }, {"name": "order", "description": "Orders.", "inputSchema": {"type": "object"}}]}),
        Some("tools/call") => {
            json!({"content": [{"type": "text", "text": format!("12 of {}", asked["params"]["arguments"]["item"])}]})
        }
        _ => return HttpResponse::Accepted().finish(),
    };
    HttpResponse::Ok().json(json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}))
}

struct Shop {
    product: Product,
    bot: Bot,
    shop: ShopApi,
    url: String,
}

impl Shop {
    async fn open(rules: Vec<CallRule>) -> Self {
        let answer = Answer::Calls {
            rules,
            then: "It says: {result}".to_owned(),
            otherwise: "NO_ANSWER".to_owned(),
        };
        let private = |of: &str| {
            let name = format!("BOTSMITH__{of}__ALLOWED_PRIVATE_CIDRS");
            (name, "127.0.0.0/8".to_owned())
        };
        let product = Product::start(Options {
            mode: Mode::Split {
                gateways: 1,
                workers: 1,
            },
            model: Some(Behaviour {
                answer,
                ..Behaviour::default()
            }),
            environment: vec![private("TOOLS"), private("MODELS")],
            ..Options::default()
        })
        .await
        .unwrap();
        let shop = ShopApi::default();
        let url = shop.start();
        let bot = product.bot().unwrap().clone();
        Self {
            product,
            bot,
            shop,
            url,
        }
    }

    async fn give(&self, tool: Value) -> Value {
        let path = format!("/api/chatbots/{}/tools", self.bot.chatbot_id);
        self.product.api().post(&path, &tool).await.unwrap()
    }

    async fn say(&self, who: u64, text: &str) -> Message {
        let number = contact(who);
        let before = self.product.twilio().newest();
        let message = Inbound::sms(simulator::demo::ACCOUNT_SID, &number, &self.bot.number, text);
        let sender = self.product.sender().unwrap();
        let delivered = sender
            .deliver(&self.bot.chatbot_id, &message, Retries::TWILIO)
            .await;
        assert!(delivered.accepted(), "{delivered:?}");
        let reply = self.product.twilio().next_to(&number, before, PATIENCE).await;
        reply.unwrap()
    }

    /// The records of a person's answers, oldest first.
    async fn answers(&self, who: u64) -> Vec<Value> {
        let messages = self
            .product
            .api()
            .messages_with(&self.bot, &contact(who))
            .await
            .unwrap();
        let answered = messages
            .iter()
            .filter(|message| message["direction"] == "inbound");
        answered
            .map(|message| message["journey"]["answer"].clone())
            .collect()
    }

    /// The calls in them.
    async fn records(&self, who: u64) -> Vec<Value> {
        let answers = self.answers(who).await;
        answers.iter().map(|answer| answer["calls"].clone()).collect()
    }

    /// Has the bot answered by these providers' models, in this order.
    async fn use_models(&self, order: &[Provider]) {
        let endpoint = |provider: &Provider| {
            json!({
                "provider": serde_json::to_value(provider).unwrap(),
                "base_url": format!("{}{}", self.product.simulator_url(), provider.path()),
                "model": "claude-sonnet-4-5", "time_limit_seconds": 5, "api_key": "any",
            })
        };
        let [first, fallbacks @ ..] = order else {
            panic!("no model")
        };
        let mut model = endpoint(first);
        model["fallbacks"] = fallbacks.iter().map(endpoint).collect();
        let path = format!("/api/chatbots/{}", self.bot.chatbot_id);
        let change = json!({ "model": model });
        let changed = self
            .product
            .api()
            .ask(reqwest::Method::PATCH, &path, Some(&change))
            .await
            .unwrap();
        assert_eq!(changed.status, 200, "{}", changed.body);
    }
}

/// Who was asked for an answer, and how each fared.
fn outcomes(answer: &Value) -> Vec<String> {
    let path = answer["path"].as_array().unwrap();
    let word = |tried: &Value, field: &str| tried[field].as_str().unwrap().to_owned();
    path.iter()
        .map(|tried| format!("{} {}", word(tried, "provider"), word(tried, "outcome")))
        .collect()
}

fn rule(contains: &str, tool: &str, arguments: Value) -> CallRule {
    CallRule {
        contains: contains.to_owned(),
        tool: tool.to_owned(),
        arguments,
    }
}

fn find_order(url: &str) -> Value {
    json!({
        "name": "find_order", "description": "Finds an order.", "method": "GET", "url": format!("{url}/orders/{{id}}"),
        "parameters": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
        "secret_headers": {"Authorization": SECRET}, "changes": false,
    })
}

fn cancel_order(url: &str) -> Value {
    json!({
        "name": "cancel_order", "description": "Cancels an order.", "method": "POST", "url": format!("{url}/orders/{{id}}/cancel"),
        "parameters": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "why": {"type": "string"}}},
        "secret_headers": {"Authorization": SECRET}, "changes": true, "confirm_text": "Cancel order {id}?",
    })
}

#[test]
fn a_tool_that_reads_is_called_and_its_secret_is_nowhere_to_be_seen() {
    alone(async {
        let shop = Shop::open(vec![rule("where is", "find_order", json!({"id": "A/7"}))]).await;
        let made = shop.give(find_order(&shop.url)).await;
        assert!(!made.to_string().contains("c4nary"), "{made}");

        let reply = shop.say(1, "Where is my order A/7?").await;

        // What stands for the secret is written with what a text message has.
        assert!(reply.body.contains("on its way; you sent ----"), "{}", reply.body);
        let got = shop.shop.got();
        assert_eq!(got.len(), 1, "{got:?}");
        assert_eq!(
            (got[0].what.as_str(), got[0].authorization.as_str()),
            ("GET /orders/A%2F7", SECRET)
        );
        let records = shop.records(1).await;
        let call = &records[0][0];
        assert_eq!(
            (&call["tool"], &call["arguments"], &call["state"], &call["status"]),
            (
                &json!("find_order"),
                &json!({"id": "A/7"}),
                &json!("done"),
                &json!(200)
            )
        );
        assert!(
            call["milliseconds"].is_u64() && !records[0].to_string().contains("c4nary"),
            "{call}"
        );
        for asked in shop.product.model().asked() {
            assert!(
                !asked.body.to_string().contains("c4nary"),
                "the model was told the secret"
            );
        }

        let path = format!(
            "/api/chatbots/{}/tools/{}/test",
            shop.bot.chatbot_id,
            made["id"].as_str().unwrap()
        );
        let tried = shop
            .product
            .api()
            .post(&path, &json!({"arguments": {"id": "8"}}))
            .await
            .unwrap();
        assert_eq!(
            (&tried["ok"], &tried["status"]),
            (&json!(true), &json!(200)),
            "{tried}"
        );
        let unfit = shop
            .product
            .api()
            .post(&path, &json!({"arguments": {}}))
            .await
            .unwrap();
        assert_eq!(unfit["ok"], false, "{unfit}");
        assert_eq!(shop.shop.got().len(), 2);
        shop.product.finish().await.unwrap();
    });
}

#[test]
fn a_tool_is_called_whoever_provides_the_model_and_the_next_one_goes_on_when_it_fails() {
    alone(async {
        let shop = Shop::open(vec![rule("where is", "find_order", json!({"id": "7"}))]).await;
        shop.give(find_order(&shop.url)).await;
        let sum = |answer: &Value, field: &str| {
            let path = answer["path"].as_array().unwrap();
            path.iter().filter_map(|tried| tried[field].as_i64()).sum::<i64>()
        };
        for (who, provider) in (1..).zip(Provider::ALL) {
            shop.use_models(&[provider]).await;

            let reply = shop.say(who, "Where is my order 7?").await;

            assert!(reply.body.contains("on its way"), "{provider:?}: {}", reply.body);
            let answer = &shop.answers(who).await[0];
            let name = serde_json::to_value(provider).unwrap();
            let answered = format!("{} answered", name.as_str().unwrap());
            assert_eq!(outcomes(answer), [answered.clone(), answered], "{answer}");
            for tokens in ["tokens_in", "tokens_out"] {
                assert_eq!(answer[tokens].as_i64(), Some(sum(answer, tokens)), "{answer}");
            }
            if provider == Provider::Anthropic {
                assert!(answer["cost_usd"].as_f64().unwrap() > 0.0, "{answer}");
            }
        }
        assert_eq!(shop.shop.got().len(), Provider::ALL.len());

        shop.use_models(&[Provider::Anthropic, Provider::Gemini]).await;
        let model = shop.product.model().clone();
        *shop.shop.meanwhile.lock().unwrap() = Some(Box::new(move || {
            model.behave_as(Provider::Anthropic, Behaviour::in_trouble(Trouble::Overloaded));
        }));
        let reply = shop.say(9, "Where is my order 7?").await;

        assert!(reply.body.contains("on its way"), "{}", reply.body);
        let answer = &shop.answers(9).await[0];
        assert_eq!(
            outcomes(answer),
            ["anthropic answered", "anthropic overloaded", "gemini answered"]
        );
        assert_eq!(
            (
                &answer["error"],
                &answer["fallback"],
                &answer["calls"][0]["state"]
            ),
            (&Value::Null, &Value::Null, &json!("done"))
        );
        // It was called once, although two models were told what came of it.
        assert_eq!(shop.shop.got().len(), Provider::ALL.len() + 1);
        shop.product.finish().await.unwrap();
    });
}

#[test]
fn what_changes_something_waits_for_a_yes_and_happens_once() {
    alone(async {
        let shop = Shop::open(vec![rule(
            "cancel",
            "cancel_order",
            json!({"id": "7", "why": "late"}),
        )])
        .await;
        shop.give(cancel_order(&shop.url)).await;

        let asked = shop.say(1, "Please cancel order 7").await;
        assert!(
            asked.body.contains("Cancel order 7?") && asked.body.contains("why: late"),
            "{}",
            asked.body
        );
        assert!(
            asked.body.contains("Yes") && asked.body.contains("No"),
            "{}",
            asked.body
        );
        assert_eq!(shop.shop.got(), []);
        let told = shop.say(1, "yes").await;

        assert!(told.body.contains("on its way"), "{}", told.body);
        let got = shop.shop.got();
        assert_eq!(got.len(), 1, "{got:?}");
        assert_eq!(
            (got[0].what.as_str(), &got[0].body),
            ("POST /orders/7/cancel", &json!({"why": "late"}))
        );
        assert_eq!(got[0].key.len(), 36, "{got:?}");
        let states: Vec<Value> = shop
            .records(1)
            .await
            .iter()
            .map(|calls| calls[0]["state"].clone())
            .collect();
        assert_eq!(states, [json!("asked"), json!("done")]);
        // A second yes is a yes to nothing.
        shop.say(1, "yes").await;
        assert_eq!(shop.shop.got().len(), 1);

        // No is no; and something else is no answer, so that a later yes is none either.
        shop.say(2, "cancel order 7").await;
        assert!(shop.say(2, "No").await.body.contains("The visitor said no"));
        shop.say(3, "cancel order 7").await;
        shop.say(3, "hm, what does that cost?").await;
        shop.say(3, "yes").await;
        assert_eq!(shop.shop.got().len(), 1);

        // The number of the button that was offered is as good as its name.
        shop.say(4, "cancel order 7").await;
        shop.say(4, "1").await;
        assert_eq!(shop.shop.got().len(), 2);
        shop.product.finish().await.unwrap();
    });
}

#[test]
fn an_mcp_servers_tools_are_the_bots_as_far_as_its_owner_allows() {
    alone(async {
        let rules = vec![
            rule("how many", "shop_stock", json!({"item": "pens"})),
            rule("buy", "shop_order", json!({"item": "pens"})),
        ];
        let shop = Shop::open(rules).await;
        let api = shop.product.api();
        let path = format!("/api/chatbots/{}/mcp-servers", shop.bot.chatbot_id);
        let server =
            json!({"name": "shop", "url": format!("{}/mcp", shop.url), "headers": {"Authorization": SECRET}});
        let made = api.post(&path, &server).await.unwrap();
        assert_eq!(made["error"], Value::Null, "{made}");
        let offered: Vec<_> = made["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| &tool["allowed"])
            .collect();
        assert_eq!(offered, [&json!(false), &json!(false)], "{made}");
        assert!(!made.to_string().contains("c4nary"), "{made}");

        let before = shop.say(1, "How many pens are there?").await;
        assert!(before.body.contains("there is no such tool"), "{}", before.body);
        let one = format!("{path}/{}", made["id"].as_str().unwrap());
        let change = json!({"allowed": {"stock": null}});
        let changed = api
            .ask(reqwest::Method::PATCH, &one, Some(&change))
            .await
            .unwrap();
        assert_eq!(changed.status, 200, "{}", changed.body);
        assert_eq!(changed.body["tools"][0]["confirm"], false);
        let after = shop.say(2, "How many pens are there?").await;

        assert!(after.body.contains("12 of \"pens\""), "{}", after.body);
        assert!(
            shop.say(3, "I want to buy a pen")
                .await
                .body
                .contains("there is no such tool")
        );
        shop.product.finish().await.unwrap();
    });
}

#[test]
fn a_chatbots_knowledge_is_an_mcp_server_under_an_api_key() {
    alone(async {
        let visitor = crate::shared::Visitor::new().await.unwrap();
        let (api, bot) = (visitor.product.api(), &visitor.bot);
        let keys = format!("/api/workspaces/{}/api-keys", bot.workspace_id);
        let key = api
            .post(&keys, &json!({"name": "mcp", "role": "viewer"}))
            .await
            .unwrap();
        let url = format!("{}/api/chatbots/{}/mcp", api.url(), bot.chatbot_id);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let asked = json!({
            "jsonrpc": "2.0", "id": 7, "method": "tools/call",
            "params": {"name": "search_knowledge", "arguments": {"query": "What are your opening hours?", "limit": 1}},
        });
        let send = async |key: &str| {
            let request = http
                .post(&url)
                .bearer_auth(key)
                .header("accept", "application/json, text/event-stream");
            request.json(&asked).send().await.unwrap()
        };

        let answer: Value = send(key["key"].as_str().unwrap()).await.json().await.unwrap();

        assert_eq!(answer["id"], 7, "{answer}");
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains("Monday to Friday from 9:00 to 17:00"), "{text}");
        assert_eq!(
            answer["result"]["structuredContent"]["passages"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        assert_eq!(send("bsk_no-key-at-all").await.status(), 401);
    });
}
