//! One message all the way on every platform but Twilio, each played by the simulator: a genuine webhook in, the answer
//! out of the knowledge through the platform's own API.

use crate::shared::PATIENCE;
use serde_json::json;
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

/// What webhooks are signed with.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

async fn connect(product: &Product, bot: &Bot, play: &dyn Play) -> Hook {
    let body = json!({"platform": play.name(), "credentials": play.credentials(SECRET)});
    let path = format!("/api/integrations/{}", bot.chatbot_id);
    product
        .api()
        .post(&path, &body)
        .await
        .unwrap_or_else(|error| panic!("{}: {error:#}", play.name()));
    let gateway = &product.gateways()[0];
    Hook::new(format!(
        "{gateway}/api/{}/webhook/{}",
        play.name(),
        bot.chatbot_id
    ))
    .signed_with(SECRET)
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
            // Teams' webhooks are signed with a key of Microsoft's, whatever secret the owner has.
            if play.name() != "teams" {
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
