//! The process that reads, from both sides.
//!
//! The parent writes one line of JSON, the request, then the file; the child answers with one line of JSON, its last, and ends. The
//! child has no environment and opens nothing: what it was started with is all it has.

use crate::{ExtractError, Extraction, Limits, read};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    io::{self, BufRead, Read, Write},
    path::PathBuf,
    process::Stdio,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

/// What the answer may be larger than the text: escapes, names, links.
const ANSWER_OVERHEAD: usize = 8;

#[derive(Serialize, Deserialize)]
struct Request {
    name: String,
    limits: Limits,
    bytes: u64,
}

type Answer = Result<Extraction, ExtractError>;

/// Reads files, each in a process of its own.
#[derive(Debug, Clone)]
pub struct Extractor {
    program: PathBuf,
    arguments: Vec<OsString>,
    limits: Limits,
}

impl Extractor {
    /// `program` with `arguments` has to call [`serve`].
    pub fn new(
        program: PathBuf,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        limits: Limits,
    ) -> Self {
        Self {
            program,
            arguments: arguments.into_iter().map(Into::into).collect(),
            limits,
        }
    }

    /// Reads a file as [`read`] does. Whatever it does to the process that reads it, this one goes on.
    pub async fn read(&self, name: &str, bytes: &[u8]) -> Answer {
        let no_process = |error: io::Error| ExtractError::NoProcess(error.to_string());
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(no_process)?;
        let request = Request {
            name: name.to_owned(),
            limits: self.limits,
            bytes: bytes.len() as u64,
        };
        let mut head =
            serde_json::to_vec(&request).map_err(|error| ExtractError::NoProcess(error.to_string()))?;
        head.push(b'\n');
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let talk = async {
            let write = async {
                if let Some(mut stdin) = stdin {
                    // A child that ends early closes its side; its answer or its end says why.
                    let _ = stdin.write_all(&head).await;
                    let _ = stdin.write_all(bytes).await;
                }
            };
            let hear = async {
                let mut answer = Vec::new();
                if let Some(stdout) = stdout {
                    let most = self.limits.characters.saturating_mul(ANSWER_OVERHEAD) + (1 << 20);
                    let _ = stdout.take(most as u64).read_to_end(&mut answer).await;
                }
                answer
            };
            let ((), answer) = tokio::join!(write, hear);
            (answer, child.wait().await)
        };
        // Starting takes a moment, and a busy machine more.
        let patience = self.limits.time() * 2 + std::time::Duration::from_secs(5);
        let Ok((answer, ended)) = tokio::time::timeout(patience, talk).await else {
            return Err(ExtractError::TooSlow {
                seconds: self.limits.seconds,
            });
        };
        let status = ended.map_err(no_process)?;
        let line = answer.rsplit(|byte| *byte == b'\n').find(|line| !line.is_empty());
        if status.success()
            && let Some(Ok(answer)) = line.map(serde_json::from_slice::<Answer>)
        {
            return answer;
        }
        use std::os::unix::process::ExitStatusExt;
        tracing::debug!(%status, "a reading process ended badly");
        let out_of_time = status.signal() == Some(rustix::process::Signal::XCPU.as_raw());
        Err(if out_of_time {
            ExtractError::TooSlow {
                seconds: self.limits.seconds,
            }
        } else {
            ExtractError::Fell {
                memory: self.limits.memory,
            }
        })
    }
}

/// The child's side: one file from the standard input, its text to the standard output.
///
/// # Errors
/// The request was not readable, or the answer could not be written.
pub fn serve() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut head = String::new();
    input.by_ref().take(64 * 1024).read_line(&mut head)?;
    let request: Request = serde_json::from_str(&head)?;
    confine(&request.limits)?;
    let mut bytes = Vec::new();
    input.take(request.bytes).read_to_end(&mut bytes)?;
    // The library that reads PDFs tells of broken pages by panics; nobody reads what they say.
    std::panic::set_hook(Box::new(|_| {}));
    let answer: Answer = read(&request.name, &bytes, &request.limits);
    let mut answer = serde_json::to_vec(&answer)?;
    answer.push(b'\n');
    io::stdout().lock().write_all(&answer)
}

/// Takes from this process all that reading needs not. There is no way back.
fn confine(limits: &Limits) -> io::Result<()> {
    for (resource, most) in [
        (Resource::As, already_mapped()?.saturating_add(limits.memory)),
        (Resource::Cpu, limits.seconds),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        // The three it has; no other is opened.
        (Resource::Nofile, 3),
    ] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most.saturating_add(u64::from(resource == Resource::Cpu))),
        };
        setrlimit(resource, limit)?;
    }
    Ok(())
}

/// What the program itself takes of its address space, in bytes: it is no part of what a file may take.
fn already_mapped() -> io::Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm
        .split(' ')
        .next()
        .and_then(|pages| pages.parse().ok())
        .unwrap_or(0);
    Ok(pages.saturating_mul(rustix::param::page_size() as u64))
}
