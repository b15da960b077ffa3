//! The limit that the gateway is held against: a handler that verifies the same signature and waits for the same confirm,
//! and does nothing else. One connection, one channel, many confirms in flight, two threads.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::Context;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};
use simulator::twilio::sign;
use std::net::SocketAddr;
use whole_product::product::{AUTH_TOKEN, PUBLIC_URL};

/// The queue it publishes to: the same kind as the product's.
const QUEUE: &str = "bench.bare";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    broker: String,
}

struct Bare {
    channel: Channel,
}

/// Serves until it is killed.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let connection = Connection::connect(&arguments.broker, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut kind = FieldTable::default();
    kind.insert(
        ShortString::from("x-queue-type"),
        AMQPValue::LongString("quorum".into()),
    );
    kind.insert(
        ShortString::from("x-overflow"),
        AMQPValue::LongString("reject-publish".into()),
    );
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    channel.queue_declare(QUEUE.into(), durable, kind).await?;
    let bare = web::Data::new(Bare { channel });
    HttpServer::new(move || {
        App::new()
            .app_data(bare.clone())
            .default_service(web::post().to(webhook))
    })
    .workers(2)
    .bind(arguments.listen)?
    .run()
    .await
    .context("the bare handler ended")
}

async fn webhook(request: HttpRequest, body: web::Bytes, bare: web::Data<Bare>) -> HttpResponse {
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let expected = sign(AUTH_TOKEN, &format!("{PUBLIC_URL}{}", request.uri()), &form);
    let given = request
        .headers()
        .get("X-Twilio-Signature")
        .and_then(|value| value.to_str().ok());
    if given != Some(expected.as_str()) {
        return HttpResponse::Forbidden().finish();
    }
    match publish(&bare.channel, &body).await {
        Ok(Confirmation::Ack(None)) => HttpResponse::Ok()
            .content_type("text/xml")
            .body("<?xml version=\"1.0\"?><Response></Response>"),
        _ => HttpResponse::ServiceUnavailable().finish(),
    }
}

async fn publish(channel: &Channel, body: &[u8]) -> Result<Confirmation, lapin::Error> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let persistent = BasicProperties::default().with_delivery_mode(2);
    channel
        .basic_publish("".into(), QUEUE.into(), options, body, persistent)
        .await?
        .await
}
