//! What a newcomer sees: `botsmith all`, and the commands that it prints.

use crate::shared::PATIENCE;
use serde_json::{Value, json};
use std::{path::PathBuf, process::Stdio, sync::Arc};
use tempfile::TempDir;
use whole_product::{
    alone,
    api::Api,
    binary, database, ports, reaper,
    role::{Plan, Role},
    wait,
};

const PLATFORMS: [&str; 10] = [
    "twilio",
    "whatsapp",
    "telegram",
    "slack",
    "discord",
    "teams",
    "messenger",
    "instagram",
    "rest",
    "web",
];

/// Runs a command line that was printed, in a shell, as a person would.
async fn typed(command: &str, folder: &std::path::Path) -> String {
    let output = tokio::process::Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir(folder)
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command}: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

/// `botsmith all` on a fresh machine.
struct Fresh {
    all: Arc<Role>,
    data: PathBuf,
    url: String,
    folder: TempDir,
}

impl Fresh {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        reaper::watch_postgres(&data.join("postgres/data")).unwrap();
        let [port] = ports::free().unwrap();
        let listen = format!("127.0.0.1:{port}");
        let url = format!("http://{listen}");
        let all = Role::start(Plan {
            name: "all".to_owned(),
            program: binary::botsmith().unwrap().to_owned(),
            arguments: vec!["--data-dir".to_owned(), data.display().to_string()],
            environment: vec![
                ("BOTSMITH__GATEWAY__LISTEN".to_owned(), listen),
                ("BOTSMITH__GATEWAY__PUBLIC_URL".to_owned(), url.clone()),
            ],
            folder: folder.path().to_owned(),
        })
        .unwrap();
        Self {
            all,
            data,
            url,
            folder,
        }
    }

    /// The commands that it prints when all of it is up.
    async fn printed(&self) -> Vec<String> {
        wait::until("the banner", PATIENCE * 2, async || {
            anyhow::ensure!(self.all.pid().is_some(), "it has ended: {}", self.all.stderr());
            let commands: Vec<String> = self
                .all
                .stdout()
                .lines()
                .filter(|line| line.contains(" simulate twilio "))
                .map(str::to_owned)
                .collect();
            Ok((commands.len() == 2).then_some(commands))
        })
        .await
        .unwrap()
    }

    /// The administrator's API, by the link that it prints.
    async fn administrator(&self) -> Api {
        let api = Api::new(&self.url).unwrap();
        let printed = self.all.stdout();
        let link = printed.lines().find(|line| line.contains("/link#setup="));
        api.set_up(link.unwrap()).await.unwrap();
        api
    }

    async fn typed(&self, command: &str) -> String {
        typed(command, self.folder.path()).await
    }

    /// `botsmith simulate …` with these words.
    async fn simulate(&self, words: &str) -> String {
        let program = binary::botsmith().unwrap().display();
        self.typed(&format!(
            "{program} --data-dir {} simulate {words}",
            self.data.display()
        ))
        .await
    }

    async fn stop(self) {
        let stopped = self.all.stop(PATIENCE).await.unwrap();
        assert_eq!(stopped.status.code(), Some(0), "{}", self.all.stderr());
        assert!(
            database::kill_postmaster(&self.data.join("postgres/data")).is_err(),
            "its PostgreSQL still runs"
        );
    }
}

/// Its journey is shown to the end.
fn shows_its_journey(said: &str, stages: &[&str]) {
    for stage in stages {
        assert!(said.contains(stage), "the journey does not show {stage}:\n{said}");
    }
}

fn is_about_sundays(said: &str) -> bool {
    said.contains("not open on Sundays") || said.contains("closed on Sundays")
}

#[test]
fn the_printed_commands_show_the_right_answer_its_journey_and_an_honest_i_do_not_know() {
    alone(async {
        let fresh = Fresh::start().await;
        let printed = fresh.printed().await;
        let banner = fresh.all.stdout();
        assert!(
            banner.contains(&format!("{}/", fresh.url)),
            "no address: {banner}"
        );
        assert!(
            banner.contains("/link#setup="),
            "no link for the administrator: {banner}"
        );

        let answered = fresh.typed(&printed[0]).await;
        assert!(is_about_sundays(&answered), "{answered}");
        shows_its_journey(
            &answered,
            &["accepted", "stored", "answered", "sent", "delivered"],
        );

        let unknown = fresh.typed(&printed[1]).await;
        assert!(unknown.contains("I don't know"), "{unknown}");
        fresh.stop().await;
    });
}

#[test]
fn the_demo_bot_answers_on_all_ten_and_over_connections_where_its_owner_wants_them() {
    alone(async {
        let fresh = Fresh::start().await;
        fresh.printed().await;

        for platform in PLATFORMS {
            let said = fresh
                .simulate(&format!("{platform} \"Are you open on Sundays?\""))
                .await;
            assert!(is_about_sundays(&said), "{platform}: {said}");
            shows_its_journey(&said, &["accepted", "stored", "answered", "sent"]);
        }

        let api = fresh.administrator().await;
        let demo: Value =
            serde_json::from_slice(&std::fs::read(fresh.data.join("demo.json")).unwrap()).unwrap();
        let path = format!("/api/integrations/{}", demo["chatbot_id"].as_str().unwrap());
        for platform in ["telegram", "slack", "discord"] {
            let mode = json!({"platform": platform, "mode": "connection"});
            api.post(&path, &mode).await.unwrap();
            // Discord keeps nothing for a listener that has never been there.
            wait::until("a connection", PATIENCE, async || {
                let list = api.get(&format!("{path}/logs?limit=50")).await?;
                Ok(list
                    .to_string()
                    .contains(match platform {
                        "telegram" => "Telegram answers",
                        "slack" => "Slack answers",
                        _ => "Discord's Gateway sends messages",
                    })
                    .then_some(()))
            })
            .await
            .unwrap();
            let said = fresh
                .simulate(&format!("{platform} --connection \"Are you open on Sundays?\""))
                .await;
            assert!(said.contains("told over the connection"), "{platform}: {said}");
            assert!(is_about_sundays(&said), "{platform}: {said}");
        }
        fresh.stop().await;
    });
}
