//! `botsmith doctor`: looks at everything that has to be right, and says what to do about what is not.

use crate::{data_dir, settings::Settings};
use embedder::Embedders;
use queue::Queue;
use secrecy::ExposeSecret;
use std::{
    net::TcpListener,
    path::Path,
    time::{Duration, Instant},
};
use store::Db;
use tokio_util::sync::CancellationToken;
use vault::MasterKeys;

/// Below this much free disk things will go wrong soon.
const LITTLE_SPACE: u64 = 2 << 30;
/// Clocks further apart than this make leases and signatures doubtful.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(2);
/// How long database and broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// One thing that was looked at.
struct Finding {
    subject: &'static str,
    verdict: Verdict,
}

enum Verdict {
    /// As it should be.
    Good(String),
    /// Works, and may surprise.
    Remark(String),
    /// Has to be mended: what is wrong, and what to do.
    Bad(String, String),
}

use Verdict::{Bad, Good, Remark};

/// Prints what was found; an error if anything has to be mended.
pub async fn run(config: Option<&Path>, data_dir: &Path) -> anyhow::Result<()> {
    let mut findings = Vec::new();
    match Settings::load(config) {
        Err(error) => findings.push(Finding {
            subject: "settings",
            verdict: Bad(
                format!("{error:#}"),
                "mend or remove that setting, then run this again".to_owned(),
            ),
        }),
        Ok(settings) => {
            findings.push(Finding {
                subject: "settings",
                verdict: Good("all known, all readable".to_owned()),
            });
            look(settings, data_dir, &mut findings).await;
        }
    }
    let mut bad = 0;
    for Finding { subject, verdict } in findings {
        match verdict {
            Good(detail) => println!("ok       {subject:<12} {detail}"),
            Remark(detail) => println!("note     {subject:<12} {detail}"),
            Bad(problem, advice) => {
                bad += 1;
                println!("PROBLEM  {subject:<12} {problem}\n         {:<12} → {advice}", "");
            }
        }
    }
    anyhow::ensure!(bad == 0, "{bad} to mend");
    Ok(())
}

async fn look(mut settings: Settings, data_dir: &Path, findings: &mut Vec<Finding>) {
    let mut found = |subject, verdict| findings.push(Finding { subject, verdict });
    found("data", disk(data_dir));
    data_dir::find_master_key(&mut settings, data_dir);
    found("master key", master_key(&settings, data_dir));
    found("public url", public_url(&settings));
    found("listen", listen(&settings));
    found("embeddings", embeddings(&settings).await);
    match data_dir::borrow_database(&mut settings, data_dir).await {
        Err(error) => found(
            "database",
            Bad(format!("{error:#}"), "see above; then run this again".to_owned()),
        ),
        Ok(postgres) => {
            let db = Db::open(&settings.store);
            match db {
                Err(error) => {
                    let problem = format!("{:#}", anyhow::Error::from(error));
                    found(
                        "database",
                        Bad(
                            problem,
                            "write store.url as postgres://user:password@host/database".to_owned(),
                        ),
                    );
                }
                Ok(db) => {
                    found("database", database(&db).await);
                    found("clock", clock(&db).await);
                    found("queue", broker(&settings, &db).await);
                    db.close().await;
                }
            }
            if let Some(postgres) = postgres
                && let Err(error) = postgres.stop().await
            {
                found(
                    "database",
                    Remark(format!("the private PostgreSQL did not stop: {error}")),
                );
            }
        }
    }
}

fn disk(data_dir: &Path) -> Verdict {
    let existing = data_dir
        .ancestors()
        .find(|path| path.exists())
        .unwrap_or(data_dir);
    match rustix::fs::statvfs(existing) {
        Err(error) => Bad(
            format!("{} cannot be looked at: {error}", existing.display()),
            "choose another place with --data-dir".to_owned(),
        ),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let text = format!("{} of disk are free for {}", gigabytes(free), data_dir.display());
            if free < LITTLE_SPACE {
                Bad(
                    text,
                    format!(
                        "make room: below {} databases and brokers begin to refuse",
                        gigabytes(LITTLE_SPACE)
                    ),
                )
            } else {
                Good(text)
            }
        }
    }
}

fn gigabytes(bytes: u64) -> String {
    format!("{}.{} GB", bytes >> 30, ((bytes % (1 << 30)) * 10) >> 30)
}

fn master_key(settings: &Settings, data_dir: &Path) -> Verdict {
    let none =
        settings.vault.master_key.expose_secret().is_empty() && settings.vault.master_key_file.is_none();
    if none {
        return Remark(format!(
            "none yet: `botsmith all` makes one in {}; for roles of their own: `botsmith keys generate FILE`",
            data_dir.display()
        ));
    }
    match MasterKeys::load(&settings.vault) {
        Ok(keys) => Good(format!("{} wraps what is new", keys.current_id())),
        Err(error) => Bad(
            format!("{:#}", anyhow::Error::from(error)),
            "restore the key; without it no connected account can be used".to_owned(),
        ),
    }
}

fn public_url(settings: &Settings) -> Verdict {
    let url = &settings.gateway.public_url;
    let local = url
        .host_str()
        .is_none_or(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
    if local {
        Remark(format!(
            "{url} is this machine only: platforms need gateway.public_url, an https address they can reach"
        ))
    } else if url.scheme() == "https" {
        Good(url.to_string())
    } else {
        Bad(
            format!("{url} is not https, and platforms post what people write in the clear"),
            "put a reverse proxy with a certificate before BotSmith and set gateway.public_url to its address".to_owned(),
        )
    }
}

fn listen(settings: &Settings) -> Verdict {
    let address = settings.gateway.listen;
    match TcpListener::bind(address) {
        Ok(_) => Good(format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Remark(format!(
            "something listens on {address} already: a running BotSmith, or set gateway.listen"
        )),
        Err(error) => Bad(
            format!("{address}: {error}"),
            "set gateway.listen to an address of this machine".to_owned(),
        ),
    }
}

async fn embeddings(settings: &Settings) -> Verdict {
    let embedders = match Embedders::open(&settings.embeddings) {
        Ok(embedders) => embedders,
        Err(error) => {
            return Bad(
                error.to_string(),
                "mend embeddings.base_url and embeddings.model".to_owned(),
            );
        }
    };
    match embedders.wanted().await {
        Ok(model) => Good(format!("{}: search by words and by meaning", model.identity())),
        Err(absent) => Remark(absent.to_string()),
    }
}

async fn database(db: &Db) -> Verdict {
    let began = Instant::now();
    match tokio::time::timeout(PATIENCE, db.is_migrated()).await {
        Err(_) => Bad(
            format!("{} does not answer within {PATIENCE:?}", db.address()),
            "is it running, and does a firewall let us through?".to_owned(),
        ),
        Ok(Err(error)) => Bad(
            format!("{}: {:#}", db.address(), anyhow::Error::from(error)),
            "check store.url (or DATABASE_URL): host, user, password, database".to_owned(),
        ),
        Ok(Ok(false)) => Remark(format!(
            "{} answers, its schema is not up to date: `botsmith migrate` (`botsmith all` does it by itself)",
            db.address()
        )),
        Ok(Ok(true)) => Good(format!(
            "{} answers within {} ms",
            db.address(),
            began.elapsed().as_millis()
        )),
    }
}

async fn clock(db: &Db) -> Verdict {
    let before = chrono::Utc::now();
    match db.time().await {
        Err(_) => Remark("not compared: the database does not answer".to_owned()),
        Ok(theirs) => {
            let ours = before + (chrono::Utc::now() - before) / 2;
            let apart = (theirs - ours).abs().to_std().unwrap_or_default();
            if apart > CLOCK_DIFFERENCE {
                Bad(
                    format!("{} s apart from the database's", apart.as_secs()),
                    "keep both machines on time (chrony, systemd-timesyncd)".to_owned(),
                )
            } else {
                Good(format!("{} ms apart from the database's", apart.as_millis()))
            }
        }
    }
}

async fn broker(settings: &Settings, db: &Db) -> Verdict {
    if settings.queue.url.expose_secret().is_empty() {
        return Good("in the database (set queue.url or AMQP_URL for RabbitMQ)".to_owned());
    }
    let stop = CancellationToken::new();
    let queue = match Queue::open(&settings.queue, db, stop.clone()).await {
        Ok(queue) => queue,
        Err(error) => {
            return Bad(
                format!("{:#}", anyhow::Error::from(error)),
                "write queue.url as amqp://user:password@host/vhost".to_owned(),
            );
        }
    };
    let address = settings.queue_address();
    let ready = async {
        while !queue.is_ready() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let verdict = match tokio::time::timeout(PATIENCE, ready).await {
        Ok(()) => Good(format!("RabbitMQ at {address} takes messages")),
        Err(_) => Bad(
            format!("RabbitMQ at {address} takes no messages within {PATIENCE:?}"),
            "is it running, are host, user, password and vhost in queue.url right, and does it raise an alarm about \
             memory or disk (`rabbitmqctl status`)?"
                .to_owned(),
        ),
    };
    stop.cancel();
    queue.close().await;
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_told_in_a_unit_that_people_know() {
        assert_eq!(gigabytes((5 << 30) + (1 << 29)), "5.5 GB");
        assert_eq!(gigabytes(0), "0.0 GB");
    }
}
