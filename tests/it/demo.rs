//! What a newcomer sees: `botsmith all`, and the commands that it prints.

use crate::shared::PATIENCE;
use std::process::Stdio;
use whole_product::{
    alone, binary, database, ports, reaper,
    role::{Plan, Role},
    wait,
};

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

#[test]
fn the_printed_commands_show_the_right_answer_its_journey_and_an_honest_i_do_not_know() {
    alone(async {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        reaper::watch_postgres(&data.join("postgres/data")).unwrap();
        let [port] = ports::free().unwrap();
        let listen = format!("127.0.0.1:{port}");
        let all = Role::start(Plan {
            name: "all".to_owned(),
            program: binary::botsmith().unwrap().to_owned(),
            arguments: vec!["--data-dir".to_owned(), data.display().to_string()],
            environment: vec![
                ("BOTSMITH__GATEWAY__LISTEN".to_owned(), listen.clone()),
                (
                    "BOTSMITH__GATEWAY__PUBLIC_URL".to_owned(),
                    format!("http://{listen}"),
                ),
            ],
            folder: folder.path().to_owned(),
        })
        .unwrap();

        let printed = wait::until("the banner", PATIENCE * 2, async || {
            anyhow::ensure!(all.pid().is_some(), "it has ended: {}", all.stderr());
            let commands: Vec<String> = all
                .stdout()
                .lines()
                .filter(|line| line.contains(" simulate twilio "))
                .map(str::to_owned)
                .collect();
            Ok((commands.len() == 2).then_some(commands))
        })
        .await
        .unwrap();
        assert!(
            all.stdout().contains(&format!("http://{listen}/")),
            "no address: {}",
            all.stdout()
        );
        assert!(
            all.stdout().contains("/link#setup="),
            "no link for the administrator: {}",
            all.stdout()
        );

        let answered = typed(&printed[0], folder.path()).await;
        assert!(
            answered.contains("not open on Sundays") || answered.contains("closed on Sundays"),
            "{answered}"
        );
        for stage in ["accepted", "stored", "answered", "sent", "delivered"] {
            assert!(
                answered.contains(stage),
                "the journey does not show {stage}:\n{answered}"
            );
        }

        let unknown = typed(&printed[1], folder.path()).await;
        assert!(unknown.contains("I don't know"), "{unknown}");

        let stopped = all.stop(PATIENCE).await.unwrap();
        assert_eq!(stopped.status.code(), Some(0), "{}", all.stderr());
        assert!(
            database::kill_postmaster(&data.join("postgres/data")).is_err(),
            "its PostgreSQL still runs"
        );
    });
}
