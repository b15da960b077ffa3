//! Webhooks as fast as they are taken, at as little cost as possible: signed beforehand, sent over connections that stay
//! open, and only as much of the answer read as tells its end.

use anyhow::{Context, bail};
use simulator::twilio::Inbound;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use whole_product::load::{Target, contact, quantile};

/// Connections, each with one webhook under way.
pub const CONNECTIONS: usize = 64;

/// What came of it.
pub struct Rate {
    /// Webhooks answered with 200, a second.
    pub per_second: f64,
    /// Times from the first byte sent to the last received.
    pub p50: Duration,
    pub p99: Duration,
    /// Other answers than 200.
    pub refused: u64,
}

/// Whole HTTP requests, ready to be sent.
pub fn requests(target: &Target, count: u64) -> Vec<Vec<u8>> {
    let path = format!("/api/twilio/webhook/{}", target.chatbot);
    (0..count)
        .map(|number| {
            let from = contact(number % 500);
            let text = format!("{} {}", whole_product::load::QUESTION, simulator::model::token(number));
            let inbound = Inbound::sms(&target.account_sid, &from, &target.number, &text);
            let form = inbound.params();
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
            let signature = target.sender.signature(&path, &form);
            format!(
                "POST {path} HTTP/1.1\r\nHost: bots.example\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 X-Twilio-Signature: {signature}\r\nUser-Agent: TwilioProxy/1.1\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes()
        })
        .collect()
}

/// Sends them in turn, over and over, for so long.
pub async fn run(
    address: SocketAddr,
    requests: &Arc<Vec<Vec<u8>>>,
    warm_up: Duration,
    measure: Duration,
) -> anyhow::Result<Rate> {
    let next = Arc::new(AtomicUsize::new(0));
    let refused = Arc::new(AtomicU64::new(0));
    let begin = Instant::now() + warm_up;
    let end = begin + measure;
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (requests, next, refused) = (requests.clone(), next.clone(), refused.clone());
        connections.spawn(async move {
            let mut connection = TcpStream::connect(address).await?;
            connection.set_nodelay(true)?;
            let mut times = Vec::new();
            let mut buffer = Vec::with_capacity(4096);
            while Instant::now() < end {
                let request = &requests[next.fetch_add(1, Ordering::Relaxed) % requests.len()];
                let began = Instant::now();
                connection.write_all(request).await?;
                let status = answer(&mut connection, &mut buffer).await?;
                let now = Instant::now();
                if now < begin || now > end {
                    continue;
                }
                if status == 200 {
                    times.push(now - began);
                } else {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(ended) = connections.join_next().await {
        times.extend(ended??);
    }
    times.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let per_second = times.len() as f64 / measure.as_secs_f64();
    Ok(Rate {
        per_second,
        p50: quantile(&times, 0.5),
        p99: quantile(&times, 0.99),
        refused: refused.load(Ordering::Relaxed),
    })
}

/// Reads one answer to its end; its status.
async fn answer(connection: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<u16> {
    buffer.clear();
    let head = loop {
        if connection.read_buf(buffer).await? == 0 {
            bail!("the connection was closed");
        }
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = std::str::from_utf8(&buffer[..head])?;
    let status = text.get(9..12).context("no status line")?.parse()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            value.trim().parse::<usize>().ok()
        } else {
            None
        }
    });
    let length = length.context("an answer without Content-Length")?;
    while buffer.len() < head + length {
        if connection.read_buf(buffer).await? == 0 {
            bail!("the connection was closed in the middle of an answer");
        }
    }
    Ok(status)
}
