//! Webhooks a second: the gateway and the bare handler in turn, on the same broker.

use crate::{
    Effort,
    generator::{self, CONNECTIONS, Rate},
    table::{Table, ms},
};
use anyhow::Context;
use std::{sync::Arc, time::Duration};
use tokio::net::TcpStream;
use whole_product::{
    ports,
    product::{Mode, Options, Product},
    role::{Plan, Role},
    wait,
};

/// The share of the bare handler's rate that the gateway is to reach.
const GOAL: f64 = 0.6;

pub async fn run(effort: Effort) -> anyhow::Result<()> {
    let options = Options {
        mode: Mode::Split {
            gateways: 1,
            workers: 1,
        },
        own_broker: true,
        ..Options::default()
    };
    let mut product = Product::start(options).await?;
    // Only the gateway and the broker work: what it accepts stays on its queue, as in the bare handler's.
    for role in product.roles() {
        if !role.name().starts_with("gateway") {
            role.kill_for_good().await?;
        }
    }
    let target = product.target(product.bot()?)?;
    let requests = Arc::new(generator::requests(&target, 2000));
    let ours = product.gateways()[0].trim_start_matches("http://").parse()?;

    let [port] = ports::free()?;
    let bare = format!("127.0.0.1:{port}").parse()?;
    let broker = product.own_broker()?.url();
    let handler = Role::start(Plan {
        name: "bare".to_owned(),
        program: std::env::current_exe()?,
        arguments: [
            "bare",
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--broker",
            &broker,
        ]
        .map(str::to_owned)
        .into(),
        environment: Vec::new(),
        folder: product.folder().to_owned(),
    })?;
    wait::until("the bare handler", Duration::from_secs(20), async || {
        Ok(TcpStream::connect(bare).await.ok())
    })
    .await?;

    let mut rounds: Vec<(Rate, Rate)> = Vec::new();
    for _ in 0..effort.rounds {
        let limit = generator::run(bare, &requests, effort.warm_up, effort.measure).await?;
        let gateway = generator::run(ours, &requests, effort.warm_up, effort.measure).await?;
        rounds.push((limit, gateway));
    }
    let mut table = Table::new(&[
        "round",
        "bare handler/s",
        "p50/p99 ms",
        "gateway/s",
        "p50/p99 ms",
        "share",
    ]);
    let mut shares = Vec::new();
    for (number, (limit, gateway)) in rounds.iter().enumerate() {
        let share = gateway.per_second / limit.per_second;
        shares.push(share);
        table.row(vec![
            (number + 1).to_string(),
            format!("{:.0}", limit.per_second),
            format!("{}/{}", ms(limit.p50), ms(limit.p99)),
            format!("{:.0}", gateway.per_second),
            format!("{}/{}", ms(gateway.p50), ms(gateway.p99)),
            format!("{:.0} %", share * 100.0),
        ]);
    }
    table.print(&format!(
        "Webhooks a second, {CONNECTIONS} connections: verify, publish, wait for the confirm (quorum queue)"
    ));
    let refused: u64 = rounds
        .iter()
        .map(|(limit, gateway)| limit.refused + gateway.refused)
        .sum();
    shares.sort_by(f64::total_cmp);
    let median = *shares.get(shares.len() / 2).context("no round")?;
    println!(
        "median {:.0} % of the limit (goal {:.0} %); {refused} webhooks were not answered with 200\n",
        median * 100.0,
        GOAL * 100.0
    );
    handler.kill_for_good().await?;
    product.finish().await
}
