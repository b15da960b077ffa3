//! Resident memory of each role, idle and after load, and how long it takes to be ready.

use crate::{
    Effort,
    table::{Table, mb},
};
use std::time::{Duration, Instant};
use whole_product::{
    load::Load,
    product::{Mode, Options, Product},
    role::Role,
};

/// `botsmith all`, idle, without PostgreSQL.
const GOAL: &str = "100 MB";

pub async fn run(effort: Effort) -> anyhow::Result<()> {
    let mut table = Table::new(&["role", "idle MB", "at 100/s MB (highest)", "ready after s"]);
    let split = Mode::Split {
        gateways: 1,
        workers: 1,
    };
    for mode in [split, Mode::AllInOne] {
        let mut product = Product::start(Options {
            mode,
            own_broker: mode == split,
            ..Options::default()
        })
        .await?;
        let ready = start_up(&product).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let idle: Vec<_> = product.roles().iter().map(|role| role.resident_bytes()).collect();
        let broker_idle = product
            .own_broker()
            .ok()
            .and_then(|broker| broker.resident_bytes());
        let mut highest = idle.clone();
        let load = Load::new(effort.measure.as_secs() * 100, 100.0, 200);
        let mut run = product.run(&load)?;
        let watched: Vec<std::sync::Arc<Role>> = product.roles().to_vec();
        tokio::select! {
            () = run.written() => {}
            () = watch(&watched, &mut highest) => {}
        }
        run.settle(Duration::from_secs(60), Duration::ZERO)
            .await
            .ensure_kept(0.0)?;
        for ((role, idle), (highest, ready)) in product
            .roles()
            .iter()
            .zip(idle)
            .zip(highest.into_iter().zip(ready))
        {
            table.row(vec![
                role.name(),
                mb(idle),
                mb(highest),
                format!("{:.2}", ready.as_secs_f64()),
            ]);
        }
        if broker_idle.is_some() {
            table.row(vec![
                "(RabbitMQ)".to_owned(),
                mb(broker_idle),
                String::new(),
                String::new(),
            ]);
        }
        product.finish().await?;
    }
    table.print("Resident memory and start-up (database and broker already there)");
    println!("goal: `all` idle at {GOAL} or less without PostgreSQL\n");
    Ok(())
}

/// Restarts each role in turn; from its start to being ready.
async fn start_up(product: &Product) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    for role in product.roles() {
        role.stop(Duration::from_secs(30)).await?;
        let began = Instant::now();
        role.resume()?;
        product.ready(Duration::from_secs(60)).await?;
        took.push(began.elapsed());
    }
    Ok(took)
}

async fn watch(roles: &[std::sync::Arc<Role>], highest: &mut [Option<u64>]) {
    loop {
        for (role, highest) in roles.iter().zip(highest.iter_mut()) {
            *highest = (*highest).max(role.resident_bytes());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
