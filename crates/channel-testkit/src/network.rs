//! What tests of every platform need of the network, and of data that is not in the repository.

use std::{fs, net::TcpListener, path::PathBuf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A client as platforms are given one: no redirects, no proxy.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// A file of the shared test data, if there is any on this machine; else says "skipped". `BOTSMITH_SHARED` names their
/// folder; without it, it is `shared` beside the checkout.
pub fn shared(path: &str) -> Option<String> {
    let root = std::env::var_os("BOTSMITH_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let content = fs::read_to_string(root.join(path)).ok();
    if content.is_none() {
        println!("skipped: there is no {path} (set BOTSMITH_SHARED to the folder of shared test data)");
    }
    content
}

/// An address where nobody listens.
pub fn refuse_connections() -> String {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    format!("http://127.0.0.1:{port}")
}

/// A server that reads one request whole, says this, and hangs up.
pub async fn speak_once(answer: &str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.to_owned();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
        while !is_whole(&heard) {
            let read = stream.read(&mut buffer).await.unwrap();
            heard.extend_from_slice(&buffer[..read]);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    address
}

fn is_whole(heard: &[u8]) -> bool {
    let text = String::from_utf8_lossy(heard).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |n| n.trim().parse().unwrap());
    body.len() >= length
}
