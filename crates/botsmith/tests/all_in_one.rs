//! `botsmith all`, as a new user would run it: the real program, a real private PostgreSQL, a played Twilio.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs::Permissions,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(90);

/// A data directory that an unprivileged PostgreSQL can get to, as it has to when the tests run as root.
fn data_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).unwrap();
    dir
}

/// The program, with nothing of this process's settings.
fn botsmith(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_botsmith"));
    for (name, _) in std::env::vars() {
        if name.starts_with("BOTSMITH_")
            || ["DATABASE_URL", "AMQP_URL", "TWILIO_AUTH_TOKEN"].contains(&name.as_str())
        {
            command.env_remove(name);
        }
    }
    command
        .env("BOTSMITH__GATEWAY__LISTEN", "127.0.0.1:0")
        .arg("--data-dir")
        .arg(data_dir);
    command
}

/// A running `botsmith all`.
struct All {
    process: Child,
    address: String,
    banner: String,
}

impl All {
    /// Starts it and reads what it says when it is ready.
    fn start(data_dir: &Path) -> Self {
        let mut process = botsmith(data_dir)
            .arg("all")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = process.stdout.take().unwrap();
        let (lines, line) = mpsc::channel();
        std::thread::spawn(move || {
            for read in BufReader::new(output).lines().map_while(Result::ok) {
                if lines.send(read).is_err() {
                    break;
                }
            }
        });
        let began = Instant::now();
        let mut banner = String::new();
        while !banner.contains("bicycle") {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let Ok(read) = line.recv_timeout(left) else {
                let _ = process.kill();
                panic!("it has not become ready; it said: {banner}");
            };
            banner.push_str(&read);
            banner.push('\n');
        }
        let address = banner
            .lines()
            .find_map(|line| line.trim().strip_prefix("Address"))
            .unwrap();
        let address = address
            .trim()
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned();
        Self {
            process,
            address,
            banner,
        }
    }

    /// The commands that it offers to try.
    fn offers(&self) -> Vec<Vec<String>> {
        let offered = self
            .banner
            .lines()
            .filter(|line| line.contains("simulate twilio"));
        offered
            .map(|line| {
                let (words, text) = line.trim().split_once(" \"").unwrap();
                let mut words: Vec<String> = words.split(' ').skip(1).map(str::to_owned).collect();
                words.push(text.trim_end_matches('"').to_owned());
                words
            })
            .collect()
    }

    fn get(&self, path: &str) -> (u16, String) {
        get(&self.address, path).unwrap()
    }

    /// Asks it to stop, as a supervisor does.
    fn stop(mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.process.wait().unwrap();
        (status.code(), began.elapsed())
    }

    /// As the kernel does when memory is short. PostgreSQL stays.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A test that fails leaves nothing running but a PostgreSQL, which ends when its directory is gone.
impl Drop for All {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn get(address: &str, path: &str) -> std::io::Result<(u16, String)> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default();
    Ok((status, answer))
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs an offered command as it stands in the banner.
fn offered(words: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_botsmith"));
    command.args(words).output().unwrap()
}

#[test]
fn a_fresh_machine_answers_what_the_demo_knows_and_says_so_where_it_does_not() {
    let dir = data_dir();
    let all = All::start(dir.path());
    let ready = all.get("/readyz");
    let metrics = all.get("/metrics");
    let nowhere = all.get("/api/nowhere");
    let [known, unknown] = &all.offers()[..] else {
        panic!("two commands to try, in {}", all.banner)
    };

    let answered = offered(known);
    let honest = offered(unknown);

    assert_eq!(ready.0, 200, "{}", ready.1);
    assert!(
        metrics.1.contains("process_resident_memory_bytes"),
        "{}",
        metrics.1
    );
    assert_eq!(nowhere.0, 404);
    assert!(all.banner.contains("Set up"), "{}", all.banner);
    assert!(answered.status.success(), "{}", text(&answered));
    assert!(
        text(&answered).contains("not open on Sundays"),
        "{}",
        text(&answered)
    );
    assert!(honest.status.success(), "{}", text(&honest));
    assert!(
        text(&honest).contains("I don't know that, sorry"),
        "{}",
        text(&honest)
    );

    let (code, took) = all.stop();

    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(25), "{took:?}");
    assert!(
        embedded_postgres::Postgres::url_if_running(dir.path()).is_none(),
        "PostgreSQL stops with it"
    );
}

#[test]
fn a_killed_botsmith_starts_again_with_the_same_demo() {
    let dir = data_dir();
    let killed = All::start(dir.path());
    let before = killed.offers();
    killed.kill();

    let again = All::start(dir.path());
    let after = again.offers();
    let answered = offered(&after[0]);
    let (code, _) = again.stop();

    assert_eq!(before, after, "the demo is made once");
    assert!(
        text(&answered).contains("not open on Sundays"),
        "{}",
        text(&answered)
    );
    assert_eq!(code, Some(0));
}

#[test]
fn a_misspelt_setting_is_named_with_its_nearest_neighbour_and_nothing_is_started() {
    let dir = data_dir();

    let refused = botsmith(dir.path())
        .env("BOTSMITH__GATEWAY__PUBLIK_URL", "https://a.example")
        .output()
        .unwrap();

    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("BOTSMITH__GATEWAY__PUBLIK_URL"), "{said}");
    assert!(
        said.contains("did you mean BOTSMITH__GATEWAY__PUBLIC_URL"),
        "{said}"
    );
    assert!(!dir.path().join("postgres").exists());
}

#[test]
fn a_database_that_is_away_is_named_without_its_password_and_waited_for() {
    let dir = data_dir();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nothing = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut process = botsmith(dir.path())
        .env("BOTSMITH__GATEWAY__LISTEN", free.to_string())
        .env(
            "DATABASE_URL",
            format!("postgres://ann:s3cret@{nothing}/botsmith"),
        )
        .arg("all")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();

    let began = Instant::now();
    let refused = loop {
        match get(&free.to_string(), "/readyz") {
            Ok(answer) => break answer,
            Err(_) if began.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(50)),
            Err(error) => panic!("it does not answer: {error}"),
        }
    };
    let pid = rustix::process::Pid::from_child(&process);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = process.wait().unwrap();
    let mut log = String::new();
    process.stderr.take().unwrap().read_to_string(&mut log).unwrap();

    assert_eq!(refused.0, 503, "{}", refused.1);
    assert!(refused.1.contains(&nothing.to_string()), "{}", refused.1);
    assert!(
        log.contains(&format!("waiting for the database at {nothing}")),
        "{log}"
    );
    assert!(!log.contains("s3cret") && !refused.1.contains("s3cret"));
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn a_broker_that_is_away_is_named_without_its_password_and_waited_for() {
    let dir = data_dir();
    let nothing = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut command = botsmith(dir.path());
    command
        .env(
            "DATABASE_URL",
            format!("postgres://ann:s3cret@{nothing}/botsmith"),
        )
        .env("AMQP_URL", format!("amqp://ann:s3cret@{nothing}"));
    std::fs::write(
        dir.path().join("master.key"),
        [b'A'; 43].iter().chain(b"=").copied().collect::<Vec<u8>>(),
    )
    .unwrap();
    let mut process = command
        .env("BOTSMITH__VAULT__MASTER_KEY_FILE", dir.path().join("master.key"))
        .arg("gateway")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap());

    let mut said = String::new();
    while !said.contains("waiting for the queue at") {
        assert_ne!(log.read_line(&mut said).unwrap(), 0, "it has ended: {said}");
    }
    let pid = rustix::process::Pid::from_child(&process);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    log.read_to_string(&mut said).unwrap();
    let status = process.wait().unwrap();

    assert!(
        said.contains(&format!("waiting for the queue at {nothing}")),
        "{said}"
    );
    assert!(!said.contains("s3cret"), "{said}");
    assert_eq!(status.code(), Some(0), "{said}");
}

#[test]
fn a_second_one_on_the_same_data_is_refused() {
    let dir = data_dir();
    let first = All::start(dir.path());

    let second = botsmith(dir.path()).arg("all").output().unwrap();
    first.stop();

    assert_eq!(second.status.code(), Some(1));
    assert!(
        text(&second).contains("another BotSmith (process"),
        "{}",
        text(&second)
    );
}
