//! Answers that are shown while they are being written, on the platforms where a message can be changed: one message that
//! grows and ends as the answer, whatever happens meanwhile.

use crate::shared::PATIENCE;
use serde_json::{Value, json};
use simulator::{
    model::Behaviour,
    played::{Fault, FaultRule, Hook, Kind, Operation, Outgoing, Person, Play, find},
    twilio::Retries,
};
use std::time::Duration;
use whole_product::{
    alone,
    load::QUESTION,
    product::{Mode, Options, Product},
    wait,
};

/// What webhooks are signed with.
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PLATFORMS: [&str; 4] = ["slack", "telegram", "discord", "teams"];
const ANSWER: &str = "We are open from nine to five on every day but Sunday. On Saturdays we close at noon, and in the week \
                      before Christmas we stay until eight in the evening. Parcels that are ordered before two leave on \
                      the same day, and arrive on the next one in most places of the country.";
/// Until a lease has run out and the turn was run again.
const TAKEN_OVER: Duration = Duration::from_secs(90);

/// Somebody who has asked on a platform.
struct Asked {
    play: &'static dyn Play,
    conversation: String,
}

impl Asked {
    /// What was done in the conversation, without the signs of typing.
    fn versions(&self, product: &Product) -> Vec<Outgoing> {
        let mut all = product.played().outbox().after(0);
        all.retain(|one| self.is_here(one) && one.kind != Kind::Typing);
        all
    }

    fn is_here(&self, one: &Outgoing) -> bool {
        one.platform == self.play.name() && one.conversation == self.conversation
    }

    async fn wait_for(
        &self,
        product: &Product,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Outgoing) -> bool,
    ) {
        let outbox = product.played().outbox();
        let found = outbox
            .next(0, patience, |one| self.is_here(one) && wanted(one))
            .await;
        assert!(
            found.is_some(),
            "{}: no {what}: {:?}",
            self.play.name(),
            texts(&self.versions(product))
        );
    }

    /// One message stands there, and it is the answer; nothing was ever sent but that message.
    fn check_answer(&self, product: &Product) {
        let (name, versions) = (self.play.name(), self.versions(product));
        let standing = product.played().outbox().messages(name, &self.conversation);
        assert_eq!(texts(&standing), [(Kind::Edited, ANSWER.to_owned())], "{name}");
        assert!(
            versions.iter().all(|one| one.id == standing[0].id),
            "{name}: {:?}",
            texts(&versions)
        );
        let sent = versions.iter().filter(|one| one.kind == Kind::Sent).count();
        assert_eq!(sent, 1, "{name}: {:?}", texts(&versions));
    }
}

fn texts(messages: &[Outgoing]) -> Vec<(Kind, String)> {
    messages.iter().map(|one| (one.kind, one.text.clone())).collect()
}

/// One chatbot, connected to all four, and a model that takes its time.
async fn start() -> Product {
    let model = Behaviour {
        word_ms: 120,
        ..Behaviour::fixed(ANSWER)
    };
    let product = Product::start(Options {
        mode: Mode::Split {
            gateways: 1,
            workers: 1,
        },
        model: Some(model),
        ..Options::default()
    })
    .await
    .unwrap();
    let path = format!("/api/integrations/{}", product.bot().unwrap().chatbot_id);
    for name in PLATFORMS {
        let credentials = find(name).unwrap().credentials(SECRET);
        let body = json!({"platform": name, "credentials": credentials, "streaming": true});
        product
            .api()
            .post(&path, &body)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
    product
}

async fn ask(product: &Product, name: &str) -> Asked {
    let play = find(name).unwrap();
    let (gateway, bot) = (&product.gateways()[0], product.bot().unwrap());
    let hook = Hook::new(format!("{gateway}/api/{name}/webhook/{}", bot.chatbot_id)).signed_with(SECRET);
    let person = Person::new(play.someone(), QUESTION);
    let conversation = play.conversation(&person);
    let delivered = product
        .played()
        .say(name, &person, &hook, Retries::TWILIO)
        .await
        .unwrap();
    assert!(delivered.accepted(), "{name}: {delivered:?}");
    Asked { play, conversation }
}

async fn ask_everywhere(product: &Product) -> Vec<Asked> {
    let mut all = Vec::new();
    for name in PLATFORMS {
        all.push(ask(product, name).await);
    }
    all
}

fn is_answer(one: &Outgoing) -> bool {
    one.text == ANSWER
}

async fn conversations(product: &Product) -> Vec<Value> {
    let bot = product.bot().unwrap();
    let path = format!("/api/workspaces/{}/conversations?limit=200", bot.workspace_id);
    let conversations = product.api().get(&path).await.unwrap();
    conversations["items"].as_array().unwrap().clone()
}

#[test]
fn one_message_grows_until_it_is_the_answer_and_its_journey_says_so() {
    alone(async {
        let product = start().await;

        let asked = ask_everywhere(&product).await;

        for asked in &asked {
            asked.wait_for(&product, "answer", PATIENCE, is_answer).await;
            asked.check_answer(&product);
            let versions = asked.versions(&product);
            assert!(
                versions.len() >= 3,
                "{}: {:?}",
                asked.play.name(),
                texts(&versions)
            );
            for pair in versions.windows(2) {
                assert!(
                    pair[1].text.len() > pair[0].text.len() && pair[1].text.starts_with(&pair[0].text),
                    "{}: {:?}",
                    asked.play.name(),
                    texts(&versions)
                );
            }
        }
        for conversation in conversations(&product).await {
            let id = conversation["id"].as_str().unwrap();
            let path = format!("/api/conversations/{id}/messages");
            let messages = wait::until("the part to be settled", PATIENCE, async || {
                let messages = product.api().get(&path).await?["items"].clone();
                Ok((messages[0]["journey"]["parts"][0]["state"] == "sent").then_some(messages))
            })
            .await
            .unwrap();
            // What we wrote ourselves was not taken for a question.
            assert_eq!(messages.as_array().unwrap().len(), 2, "{messages}");
            let part = &messages[0]["journey"]["parts"][0];
            let outcomes: Vec<_> = part["calls"]
                .as_array()
                .unwrap()
                .iter()
                .map(|call| &call["outcome"])
                .collect();
            assert_eq!(outcomes, ["shown", "sent"], "{part}");
            assert!(part["platform_message_id"].is_string(), "{part}");
        }
        product.finish().await.unwrap();
    });
}

#[test]
fn a_worker_that_is_killed_while_it_writes_leaves_nothing_half_and_nothing_twice() {
    alone(async {
        let product = start().await;
        let asked = ask_everywhere(&product).await;
        for asked in &asked {
            asked
                .wait_for(&product, "draft that was changed", PATIENCE, |one| {
                    one.kind == Kind::Edited
                })
                .await;
            assert!(
                !asked.versions(&product).iter().any(is_answer),
                "it was too late to kill"
            );
        }

        product.role("chat-worker-1").unwrap().kill().unwrap();

        for asked in &asked {
            asked.wait_for(&product, "answer", TAKEN_OVER, is_answer).await;
            asked.check_answer(&product);
        }
        product.finish().await.unwrap();
    });
}

#[test]
fn a_platform_that_has_had_enough_of_changes_gets_the_answer_all_the_same() {
    alone(async {
        let product = start().await;
        for name in PLATFORMS {
            let enough = Fault::TooMany { retry_after: Some(2) };
            let rule = FaultRule::always(name, enough).on(Operation::Edit).times(1);
            product.played().add_fault(rule);
        }

        let asked = ask_everywhere(&product).await;

        for asked in &asked {
            asked.wait_for(&product, "answer", PATIENCE, is_answer).await;
            asked.check_answer(&product);
            assert_eq!(
                asked.versions(&product).len(),
                2,
                "it was shown further after the refusal"
            );
        }
        product.finish().await.unwrap();
    });
}

#[test]
fn what_is_half_written_when_a_human_takes_over_is_taken_back() {
    alone(async {
        let product = start().await;
        let asked = ask_everywhere(&product).await;
        for asked in &asked {
            asked
                .wait_for(&product, "draft", PATIENCE, |one| one.kind == Kind::Sent)
                .await;
        }

        for conversation in conversations(&product).await {
            let id = conversation["id"].as_str().unwrap();
            let path = format!("/api/conversations/{id}/take-over");
            product.api().post(&path, &json!({})).await.unwrap();
        }

        for asked in &asked {
            asked
                .wait_for(&product, "withdrawal", PATIENCE, |one| one.kind == Kind::Deleted)
                .await;
            let name = asked.play.name();
            assert!(
                product
                    .played()
                    .outbox()
                    .messages(name, &asked.conversation)
                    .is_empty(),
                "{name}"
            );
            assert!(!asked.versions(&product).iter().any(is_answer), "{name}");
        }
        product.finish().await.unwrap();
    });
}
