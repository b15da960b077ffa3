//! Chatbots answered by each provider's model, by the next one when one fails, and by none when a budget is used up.

use crate::shared::PATIENCE;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use simulator::{
    model::{Answer, Asked, Behaviour, Provider, Rule, Trouble},
    twilio::{Inbound, Retries},
};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::OnceCell;
use whole_product::{
    alone,
    api::Bot,
    load::{QUESTION, contact},
    product::{Mode, Options, Product, phone_number},
    wait,
};

const KEY: &str = "key-of-the-provider-4711";
const ANSWER: &str = "We are open from nine to five [1].";
/// What of it is shown: a text message has no footnotes.
const SHOWN: &str = "We are open from nine to five.";
const QUOTED: &str = "Monday to Friday from 9:00 to 17:00";
const BOTS: usize = 8;

static SHARED: OnceCell<Product> = OnceCell::const_new();
static NEXT: AtomicUsize = AtomicUsize::new(0);

async fn product() -> anyhow::Result<&'static Product> {
    SHARED
        .get_or_try_init(async || {
            let options = Options {
                mode: Mode::Split {
                    gateways: 1,
                    workers: 1,
                },
                model: None,
                bots: BOTS,
                environment: vec![(
                    "BOTSMITH__MODELS__ALLOWED_PRIVATE_CIDRS".to_owned(),
                    "127.0.0.0/8".to_owned(),
                )],
                ..Options::default()
            };
            Product::start_without_bots(options)
                .await
                .and_then(Product::forget_logs)
        })
        .await
}

/// A chatbot that knows the opening hours, and a person who writes to it.
struct Shop {
    product: &'static Product,
    bot: Bot,
    number: String,
}

impl Shop {
    async fn new() -> Self {
        let product = product().await.unwrap();
        let index = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(index < BOTS, "too few numbers");
        let api = product.api();
        let bot = api
            .new_bot(&format!("Bot {index}"), &phone_number(index))
            .await
            .unwrap();
        api.add_opening_hours(&bot).await.unwrap();
        api.indexed(&bot, PATIENCE).await.unwrap();
        product.model().behave(Behaviour {
            api_key: Some(KEY.to_owned()),
            ..Behaviour::fixed(ANSWER)
        });
        Self {
            product,
            bot,
            number: contact(7_000 + index as u64),
        }
    }

    async fn set(&self, method: Method, path: &str, body: &Value) {
        let path = format!("/api/chatbots/{}{path}", self.bot.chatbot_id);
        let answer = self.product.api().ask(method, &path, Some(body)).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    async fn use_model(&self, model: Value) {
        self.set(Method::PATCH, "", &json!({ "model": model })).await;
    }

    /// Asks by SMS, where an answer comes whole; the reply, and the record of the answer.
    async fn ask(&self, question: &str) -> (String, Value) {
        let product = self.product;
        let before = product.twilio().newest();
        let message = Inbound::sms(
            simulator::demo::ACCOUNT_SID,
            &self.number,
            &self.bot.number,
            question,
        );
        let sender = product.sender().unwrap();
        let delivered = sender
            .deliver(&self.bot.chatbot_id, &message, Retries::TWILIO)
            .await;
        assert!(delivered.accepted(), "{:?}", delivered.status);
        let reply = product
            .twilio()
            .next_to(&self.number, before, PATIENCE)
            .await
            .unwrap();
        let answered = wait::until("the record of the answer", PATIENCE, async || {
            let messages = product.api().messages_with(&self.bot, &self.number).await?;
            let asked = messages.into_iter().rev().find(|m| m["text"] == question);
            Ok(asked.filter(|message| message["state"] == "answered"))
        });
        let answered = answered.await.unwrap();
        (reply.body, answered["journey"]["answer"].clone())
    }

    /// Asks over the REST API, where whoever asks hears the answer while it is written.
    async fn ask_aloud(&self) -> String {
        let api = self.product.api();
        let integrations = format!("/api/integrations/{}", self.bot.chatbot_id);
        api.post(&integrations, &json!({"platform": "rest", "credentials": {}}))
            .await
            .unwrap();
        let keys = format!("/api/workspaces/{}/api-keys", self.bot.workspace_id);
        let key = api
            .post(&keys, &json!({"name": "program", "role": "agent"}))
            .await
            .unwrap();
        let gateway = &self.product.gateways()[0];
        let url = format!("{gateway}/api/chat/{}/messages", self.bot.chatbot_id);
        let answer = Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .post(url)
            .bearer_auth(key["key"].as_str().unwrap())
            .json(&json!({"text": QUESTION, "user": "ada"}))
            .send()
            .await
            .unwrap();
        answer.text().await.unwrap()
    }
}

fn endpoint(product: &Product, provider: Provider) -> Value {
    json!({
        "provider": serde_json::to_value(provider).unwrap(),
        "base_url": format!("{}{}", product.simulator_url(), provider.path()),
        "model": "claude-sonnet-4-5", "time_limit_seconds": 5, "api_key": KEY,
    })
}

/// The same question, told from others by its marks: it finds enough by itself, whatever was asked before.
fn again(number: usize) -> String {
    QUESTION.to_owned() + &"?".repeat(number)
}

fn outcomes(answer: &Value) -> Vec<String> {
    let path = answer["path"].as_array().unwrap();
    path.iter()
        .map(|tried| {
            let word = |field: &str| tried[field].as_str().unwrap().to_owned();
            format!("{} {}", word("provider"), word("outcome"))
        })
        .collect()
}

#[test]
fn a_chatbot_is_answered_by_each_provider_whole_and_piece_by_piece() {
    alone(async {
        let shop = Shop::new().await;
        for (number, provider) in Provider::ALL.into_iter().enumerate() {
            shop.use_model(endpoint(shop.product, provider)).await;

            let (reply, answer) = shop.ask(&again(number)).await;
            let whole = shop.product.model().asked().pop().unwrap();
            let aloud = shop.ask_aloud().await;
            let in_pieces = shop.product.model().asked().pop().unwrap();

            assert_eq!(reply, SHOWN, "{provider:?}: {answer:#}");
            assert!(aloud.contains(SHOWN), "{provider:?}: {aloud}");
            assert_eq!((whole.provider, whole.streamed), (provider, false));
            assert_eq!((in_pieces.provider, in_pieces.streamed), (provider, true));
            let tried = &answer["path"][0];
            assert_eq!(tried["outcome"], "answered");
            assert_eq!(tried["provider"], serde_json::to_value(provider).unwrap());
            assert!(tried["milliseconds"].is_number() && answer["tokens_in"].is_number());
            match provider {
                Provider::Anthropic => assert!(answer["cost_usd"].as_f64().unwrap() > 0.0),
                Provider::Ollama => assert_eq!(answer["cost_usd"], 0.0),
                // Nobody has said what this model costs there.
                _ => assert_eq!(answer["cost_usd"], Value::Null),
            }
        }
    });
}

#[test]
fn when_one_model_fails_the_next_answers_and_when_all_do_the_knowledge_is_quoted() {
    alone(async {
        let shop = Shop::new().await;
        let mut model = endpoint(shop.product, Provider::Anthropic);
        let mut gemini = endpoint(shop.product, Provider::Gemini);
        gemini["api_key"] = json!("a-wrong-key");
        model["fallbacks"] = json!([gemini, endpoint(shop.product, Provider::Ollama)]);
        shop.use_model(model).await;
        let trouble = |provider, trouble| {
            let model = shop.product.model();
            model.behave_as(provider, Behaviour::in_trouble(trouble));
        };
        trouble(Provider::Anthropic, Trouble::Overloaded);

        let (reply, answer) = shop.ask(QUESTION).await;

        assert_eq!(reply, SHOWN);
        assert_eq!(
            outcomes(&answer),
            ["anthropic overloaded", "gemini unauthorized", "ollama answered"]
        );
        assert_eq!(
            (&answer["fallback"], &answer["error"]),
            (&Value::Null, &Value::Null)
        );
        assert!(!answer.to_string().contains("a-wrong-key"));

        trouble(Provider::Ollama, Trouble::Garbage);
        let (reply, answer) = shop.ask("What are your opening hours then?").await;
        assert!(reply.contains(QUOTED), "{reply}");
        assert_eq!(answer["fallback"], "model_unavailable");
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains("ollama") && error.contains("gemini"), "{error}");
        assert_eq!(answer["model"], "extractive");
    });
}

#[test]
fn a_question_that_rests_on_the_one_before_is_put_in_full_by_the_model_and_its_answer_says_so() {
    alone(async {
        const FULL: &str = "How much does it cost when you ship abroad?";
        let shop = Shop::new().await;
        shop.use_model(endpoint(shop.product, Provider::OpenAi)).await;
        shop.product.model().behave(Behaviour {
            answer: Answer::Script {
                rules: vec![Rule {
                    contains: "<conversation>".to_owned(),
                    answer: format!("“{FULL}”"),
                }],
                otherwise: "Nine euros [1].".to_owned(),
            },
            api_key: Some(KEY.to_owned()),
            ..Behaviour::default()
        });
        let (_, whole) = shop.ask("Do you ship abroad?").await;
        let seen = shop.product.model().asked().len();

        let (reply, answer) = shop.ask("Peki ne kadar?").await;

        assert_eq!(reply, "Nine euros.", "{answer:#}");
        assert_eq!(
            (&whole["searched_for"], &answer["searched_for"]),
            (&Value::Null, &json!(FULL))
        );
        let passage = answer["passages"][0]["text"].as_str().unwrap();
        assert!(passage.contains("9 euros"), "{answer:#}");
        let tasks: Vec<&Value> = answer["path"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["task"])
            .collect();
        assert_eq!(tasks, [&json!("restate"), &Value::Null]);
        assert!(whole["path"].as_array().unwrap().len() == 1 && whole["stages"]["restate"].is_null());
        assert!(answer["stages"]["restate"].is_number(), "{answer:#}");
        let of_each = answer["path"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["tokens_in"].as_u64().unwrap());
        assert_eq!(answer["tokens_in"], of_each.sum::<u64>());
        let asked = shop.product.model().asked();
        let [restating, answering] = &asked[seen..] else {
            panic!("{} requests", asked.len() - seen);
        };
        let last = |asked: &Asked| {
            asked.body["messages"]
                .as_array()
                .unwrap()
                .last()
                .unwrap()
                .to_string()
        };
        assert!(
            last(restating).contains("Visitor: Do you ship abroad?"),
            "{}",
            last(restating)
        );
        // Whoever asked is answered, and not what was made of their question.
        assert!(last(answering).contains("Peki ne kadar?") && !last(answering).contains(FULL));

        // Without a model that can, it is searched for as it is.
        shop.product
            .model()
            .behave(Behaviour::in_trouble(Trouble::Overloaded));
        let (_, answer) = shop.ask("Ya bugün?").await;
        assert_eq!(answer["searched_for"], Value::Null, "{answer:#}");

        // One that finds enough by itself is as it is, whatever was said before.
        shop.product.model().behave(Behaviour {
            api_key: Some(KEY.to_owned()),
            ..Behaviour::fixed(ANSWER)
        });
        let (_, answer) = shop.ask(QUESTION).await;
        assert_eq!(answer["path"].as_array().unwrap().len(), 1, "{answer:#}");
    });
}

#[test]
fn an_endpoint_that_fails_again_and_again_is_left_alone() {
    alone(async {
        let shop = Shop::new().await;
        let mut model = endpoint(shop.product, Provider::Gemini);
        model["model"] = json!("left-alone");
        model["fallbacks"] = json!([endpoint(shop.product, Provider::OpenAi)]);
        shop.use_model(model).await;
        let failing = Behaviour {
            error_share: 1.0,
            ..Behaviour::default()
        };
        shop.product.model().behave_as(Provider::Gemini, failing);

        let mut last = Value::Null;
        for number in 0..4 {
            let (reply, answer) = shop.ask(&again(number)).await;
            assert_eq!(reply, SHOWN);
            last = answer;
        }

        assert_eq!(outcomes(&last), ["gemini resting", "openai answered"]);
        let asked = shop.product.model().asked();
        let gemini = asked.iter().filter(|asked| asked.provider == Provider::Gemini);
        let of_it = gemini
            .filter(|asked| asked.body.to_string().contains(QUESTION))
            .count();
        assert!(of_it >= 3);
    });
}

#[test]
fn a_budget_that_is_used_up_is_told_and_the_chatbot_says_what_its_owner_wanted() {
    alone(async {
        let shop = Shop::new().await;
        shop.use_model(endpoint(shop.product, Provider::Anthropic)).await;
        let budget =
            |at_limit: &str| json!({"budgets": [{"period": "day", "tokens": 2_000, "at_limit": at_limit}]});
        shop.set(Method::PUT, "/budgets", &budget("fallback_text")).await;
        let before = shop.product.model().count();

        let mut asked = 0;
        let (reply, answer) = loop {
            let (reply, answer) = shop.ask(&again(asked)).await;
            asked += 1;
            if answer["fallback"] == "budget_used_up" {
                break (reply, answer);
            }
            assert_eq!(reply, SHOWN);
            assert!(asked < 20, "the budget is never used up");
        };

        let bot = format!("/api/chatbots/{}", shop.bot.chatbot_id);
        let bot = shop.product.api().get(&bot).await.unwrap();
        assert_eq!(reply, bot["fallback_text"].as_str().unwrap());
        assert_eq!(outcomes(&answer), ["anthropic over_budget"]);
        let reason = answer["error"].as_str().unwrap();
        assert!(
            reason.contains("the chatbot's budget of 2000 tokens a day"),
            "{reason}"
        );
        assert_eq!(
            shop.product.model().count() - before,
            asked as u64 - 1,
            "the model was asked all the same"
        );
        let budgets = format!("/api/chatbots/{}/budgets", shop.bot.chatbot_id);
        let shown = shop.product.api().get(&budgets).await.unwrap();
        let spent = shown["items"][0]["spent_tokens"].as_i64().unwrap();
        assert!(spent > 0 && spent <= 2_000, "{shown}");
        assert_eq!(shown["items"][0]["reserved_tokens"], 0);
        let unanswered = format!("/api/chatbots/{}/unanswered", shop.bot.chatbot_id);
        let unanswered = shop.product.api().get(&unanswered).await.unwrap();
        assert_eq!(
            unanswered["items"],
            json!([]),
            "a budget says nothing of the knowledge"
        );

        shop.set(Method::PUT, "/budgets", &budget("quote")).await;
        let (reply, answer) = shop.ask(QUESTION).await;
        assert!(reply.contains(QUOTED), "{reply}");
        assert_eq!(answer["fallback"], "budget_used_up");
    });
}
