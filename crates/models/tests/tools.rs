//! Tools in each provider's API, as the simulator speaks it: from the question to the answer, and on with the next model
//! when one fails in the middle.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use models::{
    Answer, Ask, Chain, Endpoint, Models, Provider, Purse, Quote, Round, Tool, ToolResult, Toolbox, Used,
    cost_micros,
};
use serde_json::{Value, json};
use simulator::{
    Service, Settings,
    model::{Answer as Says, Behaviour, CallRule, Provider as Played, Trouble},
};
use std::{convert::Infallible, sync::Mutex};

/// Every API, who plays it, and a model of it that is strict about what it is told.
const APIS: [(Provider, Played, &str); 5] = [
    (Provider::OpenAi, Played::OpenAi, "gpt"),
    (Provider::OpenAiCompatible, Played::OpenAi, "any"),
    (Provider::Anthropic, Played::Anthropic, "claude"),
    (Provider::Gemini, Played::Gemini, "gemini-3-flash"),
    (Provider::Ollama, Played::Ollama, "qwen"),
];

/// Lets everything pass, and keeps the account.
#[derive(Default)]
struct Pocket(Mutex<Vec<(Provider, Used)>>);

impl Purse for Pocket {
    type Held = Provider;
    type Error = Infallible;

    async fn reserve(&self, quote: Quote<'_>) -> Result<Result<Provider, String>, Infallible> {
        Ok(Ok(quote.provider))
    }

    async fn settle(&self, held: Provider, used: Used) -> Option<i64> {
        self.0.lock().unwrap().push((held, used));
        Some(i64::from(used.tokens_in + used.tokens_out))
    }
}

struct World {
    service: Service,
    models: Models,
    tools: [Tool; 2],
}

impl World {
    /// Its models call both tools at once when they are asked where something is.
    async fn new() -> Self {
        let settings = json!({
            "time_limit_seconds": 20, "max_tokens": 300, "prompt_tokens": 4000, "allowed_private_cidrs": "127.0.0.0/8",
        });
        let tool = |name: &str| Tool {
            name: name.to_owned(),
            description: "Finds it.".to_owned(),
            parameters: json!({"type": "object", "properties": {"id": {"type": "string"}}}),
        };
        let world = Self {
            service: Service::start(Settings::default()).await.unwrap(),
            models: Models::open(&serde_json::from_value(settings).unwrap()).unwrap(),
            tools: [tool("find_order"), tool("find_parcel")],
        };
        world.service.model().behave(calling());
        world
    }

    fn chain(&self, order: &[(Provider, Played, &str)]) -> Chain {
        let mut chain = self.models.chain();
        for (provider, played, model) in order {
            let endpoint = Endpoint {
                provider: *provider,
                base_url: format!("{}{}", self.service.url(), played.path()),
                model: (*model).to_owned(),
                time_limit_seconds: Some(5),
                context_tokens: None,
            };
            self.models.extend(&mut chain, &endpoint, None);
        }
        chain
    }

    fn ask<'a>(&'a self, rounds: &'a [Round]) -> Ask<'a> {
        Ask {
            chatbot: "Helper",
            instructions: "",
            passages: &[],
            history: &[],
            question: "Where is 7?",
            task: Default::default(),
            toolbox: Toolbox {
                tools: &self.tools,
                rounds,
                no_more: false,
            },
        }
    }
}

fn calling() -> Behaviour {
    let rule = |tool: &str, arguments: Value| CallRule {
        contains: "where is".to_owned(),
        tool: tool.to_owned(),
        arguments,
    };
    Behaviour {
        answer: Says::Calls {
            rules: vec![
                rule("find_order", json!({"id": "7", "wanted": {"by": "Zoë"}})),
                rule("find_parcel", json!({})),
            ],
            then: "It says: {result}".to_owned(),
            otherwise: "What?".to_owned(),
        },
        ..Behaviour::default()
    }
}

/// What came of the calls of an answer.
fn done(answer: Answer) -> Round {
    let results = answer.calls.iter().map(|call| ToolResult {
        call: call.id.clone(),
        content: format!("{} is on its way", call.name),
    });
    Round {
        results: results.collect(),
        calls: answer.calls,
    }
}

#[tokio::test]
async fn every_provider_calls_and_answers_with_what_came_of_it_whole_and_in_pieces() {
    let world = World::new().await;
    for api in APIS {
        for aloud in [false, true] {
            let chain = world.chain(&[api]);
            let purse = Pocket::default();
            let mut heard = Vec::new();
            let mut hear = |text: &str| heard.push(text.to_owned());

            let first = chain
                .ask(&world.ask(&[]), aloud.then_some(&mut hear as _), &purse)
                .await
                .unwrap();
            let answer = first
                .answer
                .unwrap_or_else(|| panic!("{}: {:?}", api.0, first.path));
            let calls: Vec<_> = answer
                .calls
                .iter()
                .map(|call| (call.name.clone(), call.arguments.clone()))
                .collect();
            assert_eq!(
                calls,
                [
                    (
                        "find_order".to_owned(),
                        json!({"id": "7", "wanted": {"by": "Zoë"}})
                    ),
                    ("find_parcel".to_owned(), json!({})),
                ],
                "{}, aloud {aloud}",
                api.0
            );
            assert!(answer.text.is_empty() && answer.tokens_out.is_some_and(|tokens| tokens > 0));
            let rounds = [done(answer)];
            let second = chain
                .ask(&world.ask(&rounds), aloud.then_some(&mut hear as _), &purse)
                .await
                .unwrap();

            let answer = second
                .answer
                .unwrap_or_else(|| panic!("{}: {:?}", api.0, second.path));
            assert_eq!(
                answer.text, "It says: <result>\nfind_parcel is on its way\n</result>",
                "{}, aloud {aloud}",
                api.0
            );
            assert_eq!(heard.is_empty(), !aloud);
            assert_eq!(purse.0.lock().unwrap().len(), 2);
        }
    }
}

#[tokio::test]
async fn whoever_is_next_goes_on_with_the_calls_of_one_that_failed_in_the_middle() {
    let world = World::new().await;
    let model = world.service.model();
    for first in APIS {
        for second in APIS {
            if first.1 == second.1 {
                continue;
            }
            model.behave(calling());
            let chain = world.chain(&[first, second]);
            let purse = Pocket::default();

            let asked = chain.ask(&world.ask(&[]), None, &purse).await.unwrap();
            let mut path = asked.path.clone();
            let chain = chain.led_by(&asked);
            let rounds = [done(asked.answer.unwrap())];
            model.behave_as(first.1, Behaviour::in_trouble(Trouble::TooLong));
            let asked = chain.ask(&world.ask(&rounds), None, &purse).await.unwrap();
            path.extend(asked.path.clone());

            let outcomes: Vec<_> = path.iter().map(|tried| (tried.provider, tried.outcome)).collect();
            assert_eq!(
                outcomes,
                [
                    (first.0, "answered"),
                    (first.0, "too_long"),
                    (second.0, "answered")
                ]
            );
            assert!(asked.answer.unwrap().text.contains("find_parcel is on its way"));
            let settled: i64 = purse
                .0
                .lock()
                .unwrap()
                .iter()
                .map(|(_, used)| i64::from(used.tokens_in + used.tokens_out))
                .sum();
            assert_eq!(cost_micros(&path), Some(settled));
        }
    }
}

#[tokio::test]
async fn who_called_is_asked_first_and_the_others_if_it_cannot() {
    let world = World::new().await;
    let model = world.service.model();
    let [openai, _, anthropic, gemini, _] = APIS;
    let chain = world.chain(&[openai, anthropic, gemini]);
    let purse = Pocket::default();
    model.behave_as(Played::OpenAi, Behaviour::in_trouble(Trouble::TooLong));

    let asked = chain.ask(&world.ask(&[]), None, &purse).await.unwrap();
    let chain = chain.led_by(&asked);
    let rounds = [done(asked.answer.unwrap())];
    let second = chain.ask(&world.ask(&rounds), None, &purse).await.unwrap();
    model.behave(calling());
    for played in [Played::Anthropic, Played::Gemini] {
        model.behave_as(played, Behaviour::in_trouble(Trouble::TooLong));
    }
    let third = chain.ask(&world.ask(&rounds), None, &purse).await.unwrap();

    let order = |path: &[models::Tried]| path.iter().map(|tried| tried.provider).collect::<Vec<_>>();
    assert_eq!(order(&second.path), [Provider::Anthropic]);
    assert_eq!(
        order(&third.path),
        [Provider::Anthropic, Provider::Gemini, Provider::OpenAi]
    );
    assert!(third.answer.is_some());
}

#[tokio::test]
async fn a_provider_that_refuses_what_it_is_told_of_calls_says_why() {
    let world = World::new().await;
    for api in APIS.into_iter().filter(|api| api.0 != Provider::Ollama) {
        let chain = world.chain(&[api]);
        let asked = chain
            .ask(&world.ask(&[]), None, &Pocket::default())
            .await
            .unwrap();
        let mut round = done(asked.answer.unwrap());
        // One of the two results is missing.
        round.results.pop();

        let rounds = [round];
        let asked = chain
            .ask(&world.ask(&rounds), None, &Pocket::default())
            .await
            .unwrap();

        assert_eq!(asked.path[0].outcome, "bad_response", "{}", api.0);
        assert!(asked.problem().unwrap().contains("400"), "{:?}", asked.problem());
    }
}
