//! One trace follows a message through every role, over the queue.

use actix_web::{App, HttpResponse, HttpServer, web};
use simulator::twilio::{Inbound, Retries};
use std::{
    collections::BTreeSet,
    net::TcpListener,
    sync::{Arc, Mutex},
};
use whole_product::{
    alone,
    load::{QUESTION, contact},
    product::{Options, Product},
    wait,
};

use crate::shared::PATIENCE;

type Collected = Arc<Mutex<Vec<web::Bytes>>>;

/// A collector that keeps what it is sent.
fn collector() -> (String, Collected) {
    let collected = Collected::default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let kept = collected.clone();
    let server = HttpServer::new(move || {
        let kept = kept.clone();
        App::new().app_data(web::PayloadConfig::new(8 << 20)).route(
            "/v1/traces",
            web::post().to(move |body: web::Bytes| {
                kept.lock().unwrap().push(body);
                async { HttpResponse::Ok().finish() }
            }),
        )
    })
    .workers(1)
    .disable_signals()
    .listen(listener)
    .unwrap()
    .run();
    tokio::spawn(server);
    (address, collected)
}

/// The traces that a role has sent spans of: in OTLP's protobuf a span begins with its trace's 16 bytes (field 1) and its
/// own 8 (field 2), and the role's name stands in the same request.
fn traces_of(collected: &Collected, service: &str) -> BTreeSet<Vec<u8>> {
    let bodies = collected.lock().unwrap();
    bodies
        .iter()
        .filter(|body| {
            body.windows(service.len())
                .any(|window| window == service.as_bytes())
        })
        .flat_map(|body| {
            body.windows(20)
                .filter(|window| window[..2] == [0x0a, 16] && window[18..] == [0x12, 8])
                .map(|window| window[2..18].to_vec())
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn one_trace_leads_from_the_webhook_over_the_queue_to_the_call_of_the_platform() {
    alone(async {
        let (endpoint, collected) = collector();
        let product = Product::start(Options {
            model: None,
            environment: vec![("BOTSMITH__TELEMETRY__OTLP_ENDPOINT".to_owned(), endpoint)],
            ..Options::default()
        })
        .await
        .unwrap();
        let bot = product.bot().unwrap().clone();
        let person = contact(1);
        let message = Inbound::sms(simulator::demo::ACCOUNT_SID, &person, &bot.number, QUESTION);

        let sender = product.sender().unwrap();
        assert!(
            sender
                .deliver(&bot.chatbot_id, &message, Retries::TWILIO)
                .await
                .accepted()
        );
        assert!(product.twilio().next_to(&person, 0, PATIENCE).await.is_some());

        let common = wait::until("the trace to be exported by every role", PATIENCE, async || {
            let roles = ["botsmith-gateway", "botsmith-chat-worker", "botsmith-sender"];
            let common = roles
                .iter()
                .map(|role| traces_of(&collected, role))
                .reduce(|common, traces| &common & &traces)
                .unwrap_or_default();
            Ok((!common.is_empty()).then_some(common))
        })
        .await
        .unwrap();

        assert_eq!(common.len(), 1, "one message, one trace");
        product.finish().await.unwrap();
    });
}
