//! Every crash point there is: the process dies there, is started again, and nobody goes without an answer or gets two.
//!
//! The list is read from the code, so that a new one is covered by being there.

use simulator::{
    model::token,
    twilio::{Callbacks, Fault, FaultRule, Inbound, Retries},
};
use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use whole_product::{
    alone, binary,
    ledger::Ledger,
    load::{self, QUESTION, Target, contact},
    product::{Mode, Options, Product},
    wait,
};

/// Until a message has gone all its way past a crash point.
const REACHED: Duration = Duration::from_secs(8);
/// The same where the embedding model has to be read first.
const UNDERSTOOD: Duration = Duration::from_secs(40);
/// A lease, and then the way of a message.
const SETTLED: Duration = Duration::from_secs(90);
const VARIABLE: &str = "BOTSMITH_CRASH_AT";

/// The names of all crash points in the code that a message or a text comes past. Those on the way of a site's pages are
/// tried by the indexer's own tests, which have a site.
fn all() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let crates = binary::workspace().join("crates");
    for entry in fs::read_dir(crates).unwrap().flatten() {
        // The macro's own crate has examples only.
        if entry.file_name() != "process" {
            collect(&entry.path().join("src"), &mut names);
        }
    }
    names.retain(|name| !name.starts_with("site."));
    names
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let uses = text
                .split("crash_point!(\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next());
            names.extend(uses.map(str::to_owned));
        }
    }
}

struct Trial {
    product: Product,
    target: Target,
    ledger: Arc<Mutex<Ledger>>,
    next: u64,
}

impl Trial {
    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A person writes twice, the second time when the first was taken; the platform tries until it is. Returns at once.
    fn write(&mut self, person: &str) {
        let tokens = [token(self.next), token(self.next + 1)];
        self.next += 2;
        for token in &tokens {
            self.ledger().offer(token, person);
        }
        let (target, ledger, person) = (self.target.clone(), self.ledger.clone(), person.to_owned());
        tokio::spawn(async move {
            for token in tokens {
                let text = format!("{QUESTION} {token}");
                let inbound = Inbound::sms(&target.account_sid, &person, &target.number, &text);
                if target
                    .sender
                    .deliver(&target.chatbot, &inbound, Retries::PATIENT)
                    .await
                    .accepted()
                {
                    ledger
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .accept(&token);
                }
            }
        });
    }

    /// Whether the process has died there since its log was this long.
    fn died_at(&self, point: &str, since: usize) -> bool {
        let log = self.product.role("all").unwrap().stderr();
        log.get(since..)
            .unwrap_or_default()
            .lines()
            .any(|line| line == format!("crash point {point}"))
    }

    async fn dies_at(&self, point: &str, since: usize, patience: Duration) -> bool {
        wait::until(point, patience, async || {
            Ok(self.died_at(point, since).then_some(()))
        })
        .await
        .is_ok()
    }

    /// Does what a message alone does not: knowledge, a refusal and its replay, a picture.
    async fn everything_else(&self, person: &str) -> anyhow::Result<()> {
        let bot = self.product.bot()?;
        let twilio = self.product.twilio();
        let refusal = Fault::Code {
            status: 400,
            code: 21612,
            message: String::new(),
        };
        twilio.add_fault(FaultRule::always(refusal).to(person).times(1));
        let url = twilio.add_media(simulator::demo::ACCOUNT_SID, "image/png", vec![1; 100]);
        let picture = Inbound::sms(&self.target.account_sid, person, &self.target.number, "")
            .with_media(&url, "image/png");
        let (_, added) = tokio::join!(
            self.target
                .sender
                .deliver(&self.target.chatbot, &picture, Retries::PATIENT),
            self.product.api().add_opening_hours(bot),
        );
        added
    }
}

#[test]
fn wherever_the_process_dies_nobody_goes_without_an_answer_or_gets_two() {
    alone(async {
        let points = all();
        assert!(
            points.len() >= 10,
            "the crash points are not found any more: {points:?}"
        );
        let product = Product::start(Options {
            mode: Mode::AllInOneOnBroker,
            callbacks: Callbacks::default(),
            meaning: true,
            // What a dead one held is taken before the next one is to die with it.
            environment: vec![("BOTSMITH__INDEXER__LEASE_SECONDS".to_owned(), "3".to_owned())],
            ..Options::default()
        })
        .await
        .unwrap();
        let ledger: Arc<Mutex<Ledger>> = Arc::default();
        tokio::spawn(load::listen(ledger.clone(), product.twilio().listen()));
        let target = product.target(product.bot().unwrap()).unwrap();
        let role = product.role("all").unwrap().clone();
        let mut trial = Trial {
            product,
            target,
            ledger,
            next: 1,
        };

        let began = Instant::now();
        let mut never = Vec::new();
        for (index, point) in points.iter().enumerate() {
            let person = contact(index as u64);
            let log = role.stderr().len();
            let starts = role.starts();
            role.set(VARIABLE, Some(point));
            if role.pid().is_some() {
                role.kill().unwrap();
            }
            role.started_again(starts, Duration::from_secs(10)).await.unwrap();
            role.set(VARIABLE, None);

            trial.write(&person);

            if !trial.dies_at(point, log, REACHED).await {
                trial.product.ready(Duration::from_secs(30)).await.unwrap();
                // It dies in the middle of this, where it can.
                let other = contact(1_000 + index as u64);
                let _ = tokio::time::timeout(REACHED, trial.everything_else(&other)).await;
                let patience = if point.starts_with("meaning.") {
                    UNDERSTOOD
                } else {
                    REACHED
                };
                if !trial.dies_at(point, log, patience).await {
                    never.push(point.clone());
                }
            }
        }
        println!(
            "{} crash points in {:.0} s",
            points.len(),
            began.elapsed().as_secs_f64()
        );
        trial.product.ready(Duration::from_secs(30)).await.unwrap();
        let offered = trial.next - 1;
        let outstanding = wait::until("every answer", SETTLED, async || {
            let ledger = trial.ledger();
            let accepted = ledger.balance().accepted as u64;
            Ok((accepted == offered && ledger.is_settled()).then_some(()))
        });
        drop(outstanding.await);
        // A second answer would come with the next lease that runs out; the platform is asked long before.
        tokio::time::sleep(Duration::from_secs(3)).await;

        let balance = trial.ledger().balance();
        println!("{balance}");
        assert!(never.is_empty(), "nothing that was tried comes past {never:?}");
        assert_eq!(balance.accepted as u64, offered, "{balance}");
        let lost: Vec<String> = trial
            .ledger()
            .lost()
            .iter()
            .map(|token| {
                let number: usize = token[2..].parse().unwrap();
                points.iter().nth((number - 1) / 2).unwrap().clone()
            })
            .collect();
        assert!(lost.is_empty(), "lost at {lost:?}");
        assert_eq!(balance.reordered, 0, "{balance}");
        // Between the call and its settling the outcome is unknown, and Twilio can be asked: so there is none.
        assert_eq!(balance.duplicated, 0, "{balance}");
        trial.product.finish().await.unwrap();
    });
}
