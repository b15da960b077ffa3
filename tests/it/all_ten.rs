//! One chatbot, connected to all ten platforms at once, under load: nothing crosses between conversations or integrations,
//! and a platform that refuses everything slows no other.

use crate::shared::PATIENCE;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use simulator::{
    model::{token, tokens},
    played::{ALL, Fault, FaultRule, Hook, Kind, Person, find},
    twilio::{Inbound, Retries},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::task::JoinSet;
use whole_product::{
    alone,
    api::Bot,
    load::QUESTION,
    product::{Options, Product},
    wait,
};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// People on each platform, and what is asked on each in all.
const PEOPLE: u64 = 10;
const QUESTIONS: u64 = 30;
/// Between two questions on one platform.
const PACE: Duration = Duration::from_millis(100);
/// What says that the same may be taken later.
const NOT_NOW: [StatusCode; 2] = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::REQUEST_TIMEOUT];
/// Whose API refuses everything for a while.
const STORMY: &str = "telegram";

/// Where somebody asks: the platform and the conversation, as the platform names it.
type Place = (&'static str, String);

/// A message, on its way to us.
#[derive(Clone)]
struct Question {
    place: Place,
    /// Which of the platform's people asks.
    person: u64,
    token: String,
}

/// One chatbot everywhere.
struct Everywhere {
    product: Product,
    bot: Bot,
    http: Client,
    key: String,
    /// The visitors' tokens.
    visitors: Vec<String>,
}

fn somebody(platform: &str, person: u64) -> String {
    match platform {
        "twilio" => format!("+1415600{person:04}"),
        "whatsapp" => format!("1415601{person:04}"),
        "telegram" => format!("{}", 5_570_000 + person),
        "slack" => format!("U000L{person:04}"),
        "discord" => format!("{}", 900_000_000_000_200_000 + person),
        "teams" => format!("29:1person{person}"),
        "rest" => format!("user{person}"),
        _ => format!("{}", 60_000_000_000 + person),
    }
}

fn platforms() -> impl Iterator<Item = &'static str> {
    let played = ALL.iter().map(|play| play.name());
    played.chain(["twilio", "rest", "web"])
}

impl Everywhere {
    async fn start() -> Self {
        let product = Product::start(Options::default()).await.unwrap();
        let bot = product.bot().unwrap().clone();
        let integrations = format!("/api/integrations/{}", bot.chatbot_id);
        let mut connections: Vec<Value> = ALL
            .iter()
            .map(|play| json!({"platform": play.name(), "credentials": play.credentials(SECRET)}))
            .collect();
        connections.extend(["rest", "web"].map(|own| json!({"platform": own, "credentials": {}})));
        for connection in connections {
            product.api().post(&integrations, &connection).await.unwrap();
        }
        let keys = format!("/api/workspaces/{}/api-keys", bot.workspace_id);
        let key = json!({"name": "program", "role": "agent"});
        let key = product.api().post(&keys, &key).await.unwrap();
        let mut everywhere = Self {
            product,
            bot,
            http: Client::builder().no_proxy().timeout(PATIENCE).build().unwrap(),
            key: key["key"].as_str().unwrap().to_owned(),
            visitors: Vec::new(),
        };
        for _ in 0..PEOPLE {
            let session = everywhere.http.post(everywhere.chat("sessions")).json(&json!({}));
            let session: Value = session.send().await.unwrap().json().await.unwrap();
            everywhere
                .visitors
                .push(session["token"].as_str().unwrap().to_owned());
        }
        everywhere
    }

    fn chat(&self, path: &str) -> String {
        let gateway = &self.product.gateways()[0];
        format!("{gateway}/api/chat/{}/{path}", self.bot.chatbot_id)
    }

    fn question(platform: &'static str, number: u64, first: u64) -> Question {
        let person = number % PEOPLE;
        let from = somebody(platform, person);
        let conversation = match find(platform) {
            Some(play) => play.conversation(&Person::new(from, "")),
            None => from,
        };
        Question {
            place: (platform, conversation),
            person,
            token: token(first + number),
        }
    }

    /// The question is ours: its platform has heard so.
    async fn ask(&self, question: &Question) {
        let (platform, person) = (question.place.0, question.person);
        let from = somebody(platform, person);
        let text = format!("{QUESTION} {}", question.token);
        let accepted = match platform {
            "twilio" => {
                let account = simulator::demo::ACCOUNT_SID;
                let inbound = Inbound::sms(account, &from, &self.bot.number, &text);
                let sender = self.product.sender().unwrap();
                sender
                    .deliver(&self.bot.chatbot_id, &inbound, Retries::PATIENT)
                    .await
                    .accepted()
            }
            "rest" => {
                let id = &question.token;
                let body = json!({"text": text, "wait": "none", "user": from, "conversation": "c", "id": id});
                self.write(&self.key, &body).await
            }
            "web" => {
                let token = &self.visitors[usize::try_from(person).unwrap()];
                let body = json!({"text": text, "wait": "none", "id": question.token});
                self.write(token, &body).await
            }
            _ => {
                let gateway = &self.product.gateways()[0];
                let url = format!("{gateway}/api/{platform}/webhook/{}", self.bot.chatbot_id);
                let (played, person) = (self.product.played(), Person::new(from, text));
                let hook = Hook::new(url).signed_with(SECRET);
                let delivered = played.say(platform, &person, &hook, Retries::PATIENT).await;
                delivered.unwrap().accepted()
            }
        };
        assert!(accepted, "{platform} refused {}", question.token);
    }

    /// Like a platform, whoever writes tries again, with the same id, what was not taken for want of time: on a connection
    /// that was opened and then left idle the server says 408 when it ends it, and that may cross a request.
    async fn write(&self, token: &str, body: &Value) -> bool {
        for _ in 0..20 {
            let request = self.http.post(self.chat("messages")).bearer_auth(token);
            match request.json(body).send().await {
                Ok(answer) if answer.status().is_success() => return true,
                Ok(answer) if !NOT_NOW.contains(&answer.status()) => {
                    eprintln!("{}: {:?}", answer.status(), answer.text().await);
                    return false;
                }
                Ok(_) | Err(_) => tokio::time::sleep(Retries::PATIENT.pause).await,
            }
        }
        false
    }

    /// Asks on all ten at once, ten times a second on each.
    async fn ask_everywhere(self: &Arc<Self>, first: u64) -> Vec<Question> {
        let mut asked = Vec::new();
        let mut asking = JoinSet::new();
        let mut beats = tokio::time::interval(PACE);
        for number in 0..QUESTIONS {
            beats.tick().await;
            for (at, platform) in (0_u64..).zip(platforms()) {
                let question = Self::question(platform, number, first + at * QUESTIONS);
                asked.push(question.clone());
                let everywhere = self.clone();
                asking.spawn(async move { everywhere.ask(&question).await });
            }
        }
        asking.join_all().await;
        asked
    }

    /// Everything that was answered on one platform, with where.
    async fn answers(&self, platform: &'static str) -> anyhow::Result<Vec<(Place, String)>> {
        let with = |conversation: &str, text: &str| ((platform, conversation.to_owned()), text.to_owned());
        Ok(match platform {
            "twilio" => {
                let sent = self.product.twilio().sent();
                sent.iter().map(|reply| with(&reply.to, &reply.body)).collect()
            }
            "rest" | "web" => {
                let mut answers = Vec::new();
                for person in 0..PEOPLE {
                    let from = somebody(platform, person);
                    let request = if platform == "rest" {
                        let path = self.chat(&format!("messages?user={from}&conversation=c"));
                        self.http.get(path).bearer_auth(&self.key)
                    } else {
                        let token = &self.visitors[usize::try_from(person)?];
                        self.http.get(self.chat("messages")).bearer_auth(token)
                    };
                    let page: Value = request.send().await?.error_for_status()?.json().await?;
                    let items = page["items"].as_array().into_iter().flatten();
                    let ours = items.filter(|item| item["direction"] == "outbound");
                    answers.extend(ours.map(|item| with(&from, item["text"].as_str().unwrap_or_default())));
                }
                answers
            }
            _ => {
                let sent = self.product.played().outbox().after(0);
                let sent = sent
                    .iter()
                    .filter(|one| one.kind == Kind::Sent && one.platform == platform);
                sent.map(|one| with(&one.conversation, &one.text)).collect()
            }
        })
    }

    /// Returns when all of these are answered, wherever.
    async fn answered(&self, questions: &[Question], platform: &'static str) {
        let of_it = || questions.iter().filter(|question| question.place.0 == platform);
        wait::until(&format!("all answers on {platform}"), PATIENCE * 2, async || {
            let answers = self.answers(platform).await?;
            let text: Vec<&str> = answers.iter().flat_map(|(_, text)| tokens(text)).collect();
            let missing: Vec<_> = of_it()
                .map(|question| question.token.as_str())
                .filter(|token| !text.contains(token))
                .collect();
            anyhow::ensure!(missing.is_empty(), "missing: {missing:?}");
            Ok(Some(()))
        })
        .await
        .unwrap();
    }

    /// Each question is answered once, where it was asked, and nothing else was said anywhere.
    async fn nothing_crossed(&self, questions: &[Question]) {
        let asked: BTreeMap<&str, &Place> = questions
            .iter()
            .map(|question| (question.token.as_str(), &question.place))
            .collect();
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        for platform in platforms() {
            for (place, text) in self.answers(platform).await.unwrap() {
                assert!(tokens(&text).next().is_some(), "{place:?}: {text}");
                for token in tokens(&text) {
                    assert_eq!(asked.get(token), Some(&&place), "{token} was answered elsewhere");
                    *times.entry(token.to_owned()).or_default() += 1;
                }
            }
        }
        let often: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
        assert!(often.is_empty(), "answered more than once: {often:?}");
        assert_eq!(times.len(), questions.len());
    }
}

#[test]
fn on_all_ten_at_once_nothing_crosses_and_a_storm_on_one_slows_no_other() {
    alone(async {
        let everywhere = Arc::new(Everywhere::start().await);
        let mut asked = everywhere.ask_everywhere(1).await;
        for platform in platforms() {
            everywhere.answered(&asked, platform).await;
        }
        everywhere.nothing_crossed(&asked).await;

        let played = everywhere.product.played();
        played.add_fault(FaultRule::always(STORMY, Fault::TooMany { retry_after: Some(2) }));
        let before = everywhere.answers(STORMY).await.unwrap().len();
        let in_the_storm = everywhere.ask_everywhere(10_001).await;
        for platform in platforms().filter(|platform| *platform != STORMY) {
            everywhere.answered(&in_the_storm, platform).await;
        }
        // The others have all they asked for while this one still has nothing, and has been asked.
        assert_eq!(everywhere.answers(STORMY).await.unwrap().len(), before);
        let mut calls = played.calls().into_iter();
        let is_refused = calls.any(|call| call.platform == STORMY && call.outcome == "429");
        assert!(is_refused, "there was no storm");
        played.clear_faults(Some(STORMY));
        everywhere.answered(&in_the_storm, STORMY).await;
        asked.extend(in_the_storm);
        everywhere.nothing_crossed(&asked).await;
        let letters = everywhere
            .product
            .api()
            .dead_letters(&everywhere.bot)
            .await
            .unwrap();
        assert!(letters.is_empty(), "{letters:?}");

        Arc::into_inner(everywhere)
            .unwrap()
            .product
            .finish()
            .await
            .unwrap();
    });
}
