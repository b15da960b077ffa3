//! One message all the way on every platform but Twilio, each played by the simulator: a genuine webhook in, the answer
//! out of the knowledge through the platform's own API.

use crate::shared::PATIENCE;
use serde_json::{Value, json};
use simulator::{
    played::{ALL, Hook, Person, Play},
    twilio::Retries,
};
use whole_product::{
    alone,
    api::Bot,
    load::QUESTION,
    product::{Options, Product},
};

const META_SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What an owner would type in for the simulated account, and what its webhooks are signed with.
fn account(platform: &str) -> (Value, Option<&'static str>) {
    match platform {
        "telegram" => (
            json!({"bot_token": "1000000001:SIMULATED_SIMULATED_SIMULATED_SIMUL", "webhook_secret": "a-secret-of-ours"}),
            Some("a-secret-of-ours"),
        ),
        "whatsapp" => (
            json!({"access_token": "simulated", "app_secret": META_SECRET, "phone_number_id": "000000000000000",
                   "waba_id": "000000000000000", "verify_token": "verify-me"}),
            Some(META_SECRET),
        ),
        "messenger" => (
            json!({"page_access_token": "simulated", "app_secret": META_SECRET, "page_id": "000000000000000",
                   "verify_token": "verify-me"}),
            Some(META_SECRET),
        ),
        "instagram" => (
            json!({"access_token": "simulated", "app_secret": META_SECRET, "account_id": "000000000000000",
                   "verify_token": "verify-me", "login": "instagram"}),
            Some(META_SECRET),
        ),
        "slack" => (
            json!({"bot_token": "xoxb-simulated-bot-token", "signing_secret": META_SECRET, "team_id": "T00000000SIM"}),
            Some(META_SECRET),
        ),
        "teams" => (
            json!({"app_id": "00000000-0000-0000-0000-00000000b075", "app_secret": "simulated-teams-secret"}),
            None,
        ),
        "discord" => (
            json!({"bot_token": "simulated.discord.bot-token", "application_id": "100000000000000001",
                   "public_key": simulator::played::discord::public_key(META_SECRET)}),
            Some(META_SECRET),
        ),
        other => panic!("how to connect {other} is not known here"),
    }
}

async fn connect(product: &Product, bot: &Bot, play: &dyn Play) -> Hook {
    let (credentials, secret) = account(play.name());
    let body = json!({"platform": play.name(), "credentials": credentials});
    let path = format!("/api/integrations/{}", bot.chatbot_id);
    product
        .api()
        .post(&path, &body)
        .await
        .unwrap_or_else(|error| panic!("{}: {error:#}", play.name()));
    let gateway = &product.gateways()[0];
    let hook = Hook::new(format!(
        "{gateway}/api/{}/webhook/{}",
        play.name(),
        bot.chatbot_id
    ));
    match secret {
        Some(secret) => hook.signed_with(secret),
        None => hook,
    }
}

#[test]
fn a_question_is_answered_on_every_platform_and_a_forged_one_on_none() {
    alone(async {
        let product = Product::start(Options {
            model: None,
            ..Options::default()
        })
        .await
        .unwrap();
        let bot = product.bot().unwrap().clone();
        let played = product.played();
        for play in ALL {
            let hook = connect(&product, &bot, *play).await;
            let person = Person::new(play.someone(), QUESTION);
            let conversation = play.conversation(&person);

            let delivered = played
                .say(play.name(), &person, &hook, Retries::TWILIO)
                .await
                .unwrap();
            let again = played
                .say(play.name(), &person, &hook, Retries::TWILIO)
                .await
                .unwrap();

            assert!(
                delivered.accepted() && again.accepted(),
                "{}: {delivered:?}",
                play.name()
            );
            let reply = played
                .outbox()
                .next_to(play.name(), &conversation, 0, PATIENCE)
                .await
                .unwrap_or_else(|| panic!("{} got no reply", play.name()));
            assert!(reply.text.contains("9:00"), "{}: {}", play.name(), reply.text);
            if account(play.name()).1.is_some() {
                let forged = hook.clone().signed_with("ffffffffffffffffffffffffffffffff");
                let stranger = Person::new(play.someone(), "Is anybody there?");
                let refused = played
                    .say(play.name(), &stranger, &forged, Retries::TWILIO)
                    .await
                    .unwrap();
                assert_eq!(refused.status, Some(401), "{}", play.name());
            }
            let replies = played.outbox().sent(play.name(), 0);
            assert_eq!(replies.len(), 1, "{}: {replies:?}", play.name());
        }
        product.finish().await.unwrap();
    });
}
