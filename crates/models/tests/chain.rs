//! Models in their order, and the purse that lets them be asked.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use models::{Ask, Asked, Chain, Endpoint, Models, Provider, Purse, Quote, Used};
use serde_json::json;
use simulator::{
    Service, Settings,
    model::{Behaviour, Provider as Played, Trouble},
};
use std::{convert::Infallible, sync::Mutex};

struct World {
    service: Service,
    models: Models,
}

impl World {
    async fn new() -> Self {
        let settings = json!({
            "time_limit_seconds": 20, "max_tokens": 300, "prompt_tokens": 4000, "allowed_private_cidrs": "127.0.0.0/8",
        });
        let service = Service::start(Settings::default()).await.unwrap();
        service.model().behave(Behaviour::fixed("Two days, and no more."));
        Self {
            service,
            models: Models::open(&serde_json::from_value(settings).unwrap()).unwrap(),
        }
    }

    fn chain(&self, order: &[(Provider, Played)]) -> Chain {
        let mut chain = self.models.chain();
        for (provider, played) in order {
            let base_url = format!("{}{}", self.service.url(), played.path());
            self.models
                .extend(&mut chain, &endpoint(*provider, base_url), None);
        }
        chain
    }
}

fn endpoint(provider: Provider, base_url: String) -> Endpoint {
    Endpoint {
        provider,
        base_url,
        model: "simulated".to_owned(),
        time_limit_seconds: Some(2),
        context_tokens: None,
    }
}

/// Lets pass what does not cost more than this, in tokens, and keeps the account.
struct Pocket {
    most: u32,
    not: Option<Provider>,
    settled: Mutex<Vec<(Provider, Used)>>,
}

impl Pocket {
    const fn deep() -> Self {
        Self {
            most: u32::MAX,
            not: None,
            settled: Mutex::new(Vec::new()),
        }
    }
}

impl Purse for Pocket {
    type Held = Provider;
    type Error = Infallible;

    async fn reserve(&self, quote: Quote<'_>) -> Result<Result<Provider, String>, Infallible> {
        let dear = quote.tokens_in + quote.tokens_out > self.most || self.not == Some(quote.provider);
        Ok(if dear {
            Err("the pocket is empty".to_owned())
        } else {
            Ok(quote.provider)
        })
    }

    async fn settle(&self, held: Provider, used: Used) -> Option<i64> {
        self.settled.lock().unwrap().push((held, used));
        Some(i64::from(used.tokens_in + used.tokens_out))
    }
}

async fn ask(chain: &Chain, purse: &Pocket, heard: Option<&mut (dyn FnMut(&str) + Send)>) -> Asked {
    let ask = Ask {
        chatbot: "Helper",
        instructions: "",
        passages: &[],
        history: &[],
        question: "How long?",
        toolbox: Default::default(),
        task: Default::default(),
    };
    chain.ask(&ask, heard, purse).await.unwrap()
}

fn outcomes(asked: &Asked) -> Vec<(Provider, &'static str)> {
    asked
        .path
        .iter()
        .map(|tried| (tried.provider, tried.outcome))
        .collect()
}

const OPENAI: (Provider, Played) = (Provider::OpenAi, Played::OpenAi);
const ANTHROPIC: (Provider, Played) = (Provider::Anthropic, Played::Anthropic);
const GEMINI: (Provider, Played) = (Provider::Gemini, Played::Gemini);

#[tokio::test]
async fn the_first_that_answers_ends_the_path_and_what_each_took_is_settled() {
    let world = World::new().await;
    let model = world.service.model();
    model.behave_as(Played::OpenAi, Behaviour::in_trouble(Trouble::RateLimited));
    model.behave_as(Played::Anthropic, Behaviour::in_trouble(Trouble::Blocked));
    let chain = world.chain(&[OPENAI, ANTHROPIC, GEMINI, OPENAI]);
    let purse = Pocket::deep();

    let asked = ask(&chain, &purse, None).await;

    assert_eq!(
        outcomes(&asked),
        [
            (Provider::OpenAi, "rate_limited"),
            (Provider::Anthropic, "blocked"),
            (Provider::Gemini, "answered"),
        ]
    );
    assert_eq!(asked.answer.as_ref().unwrap().text, "Two days, and no more.");
    assert_eq!(asked.problem(), None);
    let settled = purse.settled.lock().unwrap();
    let of = |provider| settled.iter().find(|(held, _)| *held == provider).unwrap().1;
    assert_eq!(of(Provider::OpenAi), Used::default(), "a refusal is not billed");
    assert!(of(Provider::Anthropic).tokens_in > 0, "what was read is billed");
    assert_eq!(of(Provider::Gemini).tokens_out, 5);
    let sum: i64 = asked.path.iter().filter_map(|tried| tried.cost_micros).sum();
    assert_eq!(asked.cost_micros(), Some(sum));
}

#[tokio::test]
async fn a_model_that_is_too_slow_to_put_a_question_in_full_is_asked_for_the_answer_all_the_same() {
    let world = World::new().await;
    let chain = world.chain(&[OPENAI, ANTHROPIC]);
    let purse = Pocket::deep();
    world
        .service
        .model()
        .behave(Behaviour::in_trouble(Trouble::Hanging));
    for _ in 0..3 {
        let restated = chain.restate("And now?", &[], &purse).await.unwrap();
        // Nobody waits for a second one after it.
        assert_eq!((restated.question, restated.path.len()), (None, 1));
    }
    world
        .service
        .model()
        .behave(Behaviour::fixed("How long does it take now?"));

    let asked = ask(&chain, &purse, None).await;
    let restated = chain.restate("And now?", &[], &purse).await.unwrap();

    assert_eq!(outcomes(&asked), [(Provider::OpenAi, "answered")]);
    assert_eq!(restated.question.as_deref(), Some("How long does it take now?"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_while_it_is_told_is_begun_anew_by_the_next() {
    let world = World::new().await;
    let half = Behaviour {
        answer: Behaviour::fixed("Never, not in a hundred years, my friend.").answer,
        ..Behaviour::in_trouble(Trouble::Half)
    };
    world.service.model().behave_as(Played::Anthropic, half);
    let chain = world.chain(&[ANTHROPIC, OPENAI]);
    let purse = Pocket::deep();
    let mut heard = Vec::new();

    let asked = ask(
        &chain,
        &purse,
        Some(&mut |text: &str| heard.push(text.to_owned())),
    )
    .await;

    assert_eq!(outcomes(&asked)[0], (Provider::Anthropic, "cut_off"));
    assert!(heard.iter().any(|text| text.starts_with("Never")));
    assert_eq!(heard.last().unwrap(), "Two days, and no more.");
    // Nobody knows what the half cost: as much as it may have.
    assert!(purse.settled.lock().unwrap()[0].1.tokens_out >= 300);
}

#[tokio::test]
async fn what_the_purse_does_not_let_pass_is_not_asked_and_the_next_may_be_cheaper() {
    let world = World::new().await;
    let chain = world.chain(&[ANTHROPIC, GEMINI]);
    let purse = Pocket {
        not: Some(Provider::Anthropic),
        ..Pocket::deep()
    };

    let asked = ask(&chain, &purse, None).await;
    let empty = Pocket {
        most: 10,
        ..Pocket::deep()
    };
    let nothing = ask(&chain, &empty, None).await;

    assert_eq!(
        outcomes(&asked),
        [
            (Provider::Anthropic, "over_budget"),
            (Provider::Gemini, "answered")
        ]
    );
    assert!(!asked.is_over_budget());
    assert!(nothing.is_over_budget() && nothing.cost_micros().is_none());
    assert!(nothing.problem().unwrap().contains("the pocket is empty"));
    assert_eq!(world.service.model().count(), 1);
    assert!(empty.settled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_model_that_rests_is_passed_over_and_one_that_cannot_be_used_is_named() {
    let world = World::new().await;
    let failing = Behaviour {
        error_share: 1.0,
        ..Behaviour::default()
    };
    world.service.model().behave_as(Played::Gemini, failing);
    let mut chain = world.models.chain();
    let inner = endpoint(Provider::OpenAiCompatible, "http://10.0.0.1/v1".to_owned());
    world.models.extend(&mut chain, &inner, None);
    let gemini = endpoint(Provider::Gemini, format!("{}/v1beta", world.service.url()));
    world.models.extend(&mut chain, &gemini, None);
    let purse = Pocket::deep();

    let mut last = Vec::new();
    for _ in 0..4 {
        last = outcomes(&ask(&chain, &purse, None).await);
    }

    assert_eq!(
        last,
        [
            (Provider::OpenAiCompatible, "unusable"),
            (Provider::Gemini, "resting")
        ]
    );
    assert_eq!(world.service.model().count(), 3);
    // Another key is another tenant's, and nothing to it.
    let mut other = world.models.chain();
    world
        .models
        .extend(&mut other, &gemini, Some("another-key".into()));
    assert_eq!(
        outcomes(&ask(&other, &purse, None).await),
        [(Provider::Gemini, "unavailable")]
    );
}

#[tokio::test]
async fn prompts_are_cut_to_the_context_that_the_model_has() {
    let world = World::new().await;
    let mut chain = world.models.chain();
    let small = Endpoint {
        context_tokens: Some(1_200),
        ..endpoint(Provider::Ollama, world.service.url())
    };
    world.models.extend(&mut chain, &small, None);
    let history: Vec<_> = (0..50)
        .map(|number| models::Said {
            speaker: models::Speaker::Contact,
            text: format!("{number} {}", "word ".repeat(40)),
        })
        .collect();
    let ask = Ask {
        chatbot: "Helper",
        instructions: "Be kind.",
        passages: &[],
        history: &history,
        question: "How long?",
        toolbox: Default::default(),
        task: Default::default(),
    };

    chain.ask(&ask, None, &Pocket::deep()).await.unwrap();

    let sent = world.service.model().asked().pop().unwrap().body;
    assert_eq!(sent["options"]["num_ctx"], 1_200);
    let characters: usize = sent["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["content"].as_str().unwrap().len())
        .sum();
    assert!(characters / 4 <= 900, "{characters} characters for 900 tokens");
    assert!(sent.to_string().contains("49 word"), "the newest is not there");
}
