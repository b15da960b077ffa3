//! Conversations, journeys and dead letters.

use super::{Shop, World};
use domain::Role;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

pub struct Talk {
    pub conversation: Uuid,
    pub question: Uuid,
    pub reply: Uuid,
    part: Uuid,
    attachment: Uuid,
}

/// A question with a picture, answered by the bot in one part that took two calls.
pub async fn talk(world: &World, shop: &Shop) -> Talk {
    let id = Uuid::now_v7;
    let (contact, conversation, question, reply, answer, part, blob, attachment) =
        (id(), id(), id(), id(), id(), id(), id(), id());
    let (w, chatbot, integration) = (shop.workspace, shop.chatbot, shop.integration);
    let sql = format!(
        "set role botsmith_system;
         insert into contacts (id, workspace_id, integration_id, key, name) values ('{contact}', '{w}', '{integration}', '+14155550111', 'Ada');
         insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key, next_position, last_inbound_at)
             values ('{conversation}', '{w}', '{chatbot}', '{integration}', '{contact}', '+14155550111', 2, now());
         insert into answers (id, workspace_id, chatbot_id, conversation_id, question, passages, citations, model, prompt_version, stages)
             values ('{answer}', '{w}', '{chatbot}', '{conversation}', 'When do you open?', '[{{\"score\": 3.5}}]', '[]', 'extractive', 1, '{{\"retrieve\": 4, \"model\": 0}}');
         insert into messages (id, workspace_id, conversation_id, direction, state, text, accepted_at, answered_at, answer_id)
             values ('{question}', '{w}', '{conversation}', 'inbound', 'answered', 'When do you open?', now(), now(), '{answer}');
         insert into messages (id, workspace_id, conversation_id, direction, sender, text, accepted_at, answer_id)
             values ('{reply}', '{w}', '{conversation}', 'outbound', 'bot', 'At nine.', now(), '{answer}');
         insert into parts (id, workspace_id, integration_id, conversation_id, message_id, platform, position, sender, content, state, due_at, attempts, settled_at, error)
             values ('{part}', '{w}', '{integration}', '{conversation}', '{reply}', 'twilio', 1, 'bot', '{{\"text\": \"At nine.\"}}', 'dead', now(), 2, now(), 'gave up');
         insert into attempts (workspace_id, part_id, started_at, outcome, detail) values ('{w}', '{part}', now(), 'retry', '503');
         insert into attempts (workspace_id, part_id, started_at, outcome, detail) values ('{w}', '{part}', now(), 'rejected', null);
         insert into blobs (id, workspace_id, content_type, bytes) values ('{blob}', '{w}', 'image/png', 6);
         insert into blob_pieces (workspace_id, blob_id, position, bytes) values ('{w}', '{blob}', 0, 'PNG'), ('{w}', '{blob}', 1, 'png');
         insert into attachments (id, workspace_id, integration_id, message_id, position, url, content_type, state, blob_id)
             values ('{attachment}', '{w}', '{integration}', '{question}', 0, 'https://x', 'image/png', 'stored', '{blob}');
         reset role"
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&world.pool)
        .await
        .unwrap();
    Talk {
        conversation,
        question,
        reply,
        part,
        attachment,
    }
}

async fn dead_letter(world: &World, shop: &Shop, part: Uuid) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "insert into dead_letters (id, workspace_id, integration_id, kind, part_id, reason)
         values ($1, $2, $3, 'part', $4, 'the platform refused the reply')",
    )
    .bind(id)
    .bind(shop.workspace.as_uuid())
    .bind(shop.integration)
    .bind(part)
    .execute(&world.pool)
    .await
    .unwrap();
    id
}

async fn state_of(world: &World, part: Uuid) -> String {
    sqlx::query_scalar("select state from parts where id = $1")
        .bind(part)
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_message_shows_its_whole_journey(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let talk = talk(&world, &shop).await;
    let base = format!("/api/conversations/{}/messages", talk.conversation);

    let messages = world.get(&base, &shop.owner).await.ok(200);
    let question = world
        .get(&format!("{base}/{}", talk.question), &shop.owner)
        .await
        .ok(200);

    let ids: Vec<&Value> = messages["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| &message["id"])
        .collect();
    assert_eq!(ids, [&json!(talk.reply), &json!(talk.question)]);
    assert_eq!(messages["items"][1], question);
    let journey = &question["journey"];
    for stage in ["accepted_at", "stored_at", "answered_at"] {
        assert!(journey[stage].is_string(), "{stage}: {journey}");
    }
    assert_eq!(journey["answer"]["stages"], json!({"retrieve": 4, "model": 0}));
    assert_eq!(journey["answer"]["passages"][0]["score"], 3.5);
    assert_eq!(journey["reply_id"], json!(talk.reply));
    let part = &journey["parts"][0];
    assert_eq!(
        (&part["state"], &part["error"], &part["due_at"]),
        (&json!("dead"), &json!("gave up"), &Value::Null)
    );
    let outcomes: Vec<&Value> = part["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| &call["outcome"])
        .collect();
    assert_eq!(outcomes, ["retry", "rejected"]);
    assert_eq!(question["attachments"][0]["id"], json!(talk.attachment));
    assert_eq!(
        messages["items"][0]["journey"]["parts"][0]["id"],
        json!(talk.part)
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn conversations_are_found_by_what_they_are_about(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let talk = talk(&world, &shop).await;
    let base = format!("/api/workspaces/{}/conversations", shop.workspace);

    let one = world
        .get(&format!("/api/conversations/{}", talk.conversation), &shop.owner)
        .await
        .ok(200);
    for (query, found) in [
        (String::new(), 1),
        (
            format!(
                "?chatbot_id={}&integration_id={}&platform=twilio&handler=bot",
                shop.chatbot, shop.integration
            ),
            1,
        ),
        ("?contact=ada".to_owned(), 1),
        ("?contact=5550111".to_owned(), 1),
        ("?contact=%25".to_owned(), 0),
        ("?handler=human".to_owned(), 0),
        ("?platform=fax".to_owned(), 0),
    ] {
        let listed = world.get(&format!("{base}{query}"), &shop.owner).await.ok(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), found, "{query}");
        if found == 1 {
            assert_eq!(listed["items"][0], one);
        }
    }
    assert_eq!(one["contact"]["name"], "Ada");
    assert_eq!(one["last_message"]["text"], "At nine.");
    assert_eq!(one["chatbot_name"], "Help");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_agent_who_answers_takes_the_conversation_over_and_can_hand_it_back(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let talk = talk(&world, &shop).await;
    let (agent, _) = world.person(shop.workspace, Role::Agent).await;
    let base = format!("/api/conversations/{}", talk.conversation);

    let accepted = world
        .post(&format!("{base}/replies"), &agent, json!({"text": "Hello Ada"}))
        .await
        .ok(202);
    let taken = world.get(&base, &agent).await.ok(200);
    let back = world
        .post(&format!("{base}/hand-back"), &agent, json!({}))
        .await
        .ok(200);
    let again = world
        .post(&format!("{base}/take-over"), &agent, json!({}))
        .await
        .ok(200);

    assert_eq!(accepted["conversation_id"], json!(talk.conversation));
    assert_eq!(
        (&taken["handler"], &back["handler"], &again["handler"]),
        (&json!("human"), &json!("bot"), &json!("human"))
    );
    let reply = format!("{base}/messages/{}", accepted["message_id"].as_str().unwrap());
    let reply = world.get(&reply, &agent).await.ok(200);
    assert_eq!(
        (&reply["sender"], &reply["text"]),
        (&json!("agent"), &json!("Hello Ada"))
    );
    assert_eq!(reply["journey"]["parts"][0]["state"], "queued");
    assert!(reply["journey"]["parts"][0]["due_at"].is_string());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_attachment_is_shown_without_running_anything(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let talk = talk(&world, &shop).await;
    let path = format!(
        "/api/conversations/{}/attachments/{}",
        talk.conversation, talk.attachment
    );

    let picture = world.get(&path, &shop.owner).await;
    sqlx::query("update blobs set content_type = 'image/svg+xml'")
        .execute(&world.pool)
        .await
        .unwrap();
    let script = world.get(&path, &shop.owner).await;
    sqlx::query("update attachments set state = 'refused', blob_id = null, error = 'too large'")
        .execute(&world.pool)
        .await
        .unwrap();
    let refused = world.get(&path, &shop.owner).await;

    assert_eq!((picture.status.as_u16(), picture.text.as_str()), (200, "PNGpng"));
    assert_eq!(picture.headers["content-type"], "image/png");
    assert_eq!(picture.headers["content-length"], "6");
    assert_eq!(picture.headers["content-disposition"], "inline");
    assert_eq!(script.headers["content-type"], "application/octet-stream");
    assert_eq!(script.headers["content-disposition"], "attachment");
    assert!(
        script.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("sandbox")
    );
    assert!(refused.problem(409).contains("too large"));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_dead_letter_comes_back_once_or_is_put_away(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let talk = talk(&world, &shop).await;
    let letter = dead_letter(&world, &shop, talk.part).await;
    let base = format!("/api/workspaces/{}/dead-letters", shop.workspace);

    let listed = world.get(&base, &shop.owner).await.ok(200);
    let replayed = world
        .post(&format!("{base}/{letter}/replay"), &shop.owner, json!({}))
        .await
        .ok(200);
    let again = world
        .post(&format!("{base}/{letter}/replay"), &shop.owner, json!({}))
        .await;

    assert_eq!(listed["items"][0]["reason"], "the platform refused the reply");
    assert_eq!(replayed, json!({"parts": 1, "messages": 0}));
    again.problem(404);
    assert_eq!(state_of(&world, talk.part).await, "queued");
    assert_eq!(world.get(&base, &shop.owner).await.ok(200)["items"], json!([]));

    sqlx::query("update parts set state = 'dead'")
        .execute(&world.pool)
        .await
        .unwrap();
    let second = dead_letter(&world, &shop, talk.part).await;
    world
        .post(&format!("{base}/replay"), &shop.owner, json!({}))
        .await
        .problem(422);
    world
        .post(
            &format!("{base}/replay"),
            &shop.owner,
            json!({"integration_id": Uuid::now_v7()}),
        )
        .await
        .problem(404);
    world
        .post(&format!("{base}/{second}/discard"), &shop.owner, json!({}))
        .await
        .ok(204);
    world
        .post(&format!("{base}/{second}/discard"), &shop.owner, json!({}))
        .await
        .problem(404);
    let none = world
        .post(
            &format!("{base}/replay"),
            &shop.owner,
            json!({"integration_id": shop.integration}),
        )
        .await;
    assert_eq!(none.ok(200), json!({"parts": 0, "messages": 0}));
    let third = dead_letter(&world, &shop, talk.part).await;
    let matching = world
        .post(
            &format!("{base}/replay"),
            &shop.owner,
            json!({"from": "2020-01-01T00:00:00Z"}),
        )
        .await;
    assert_eq!(matching.ok(200)["parts"], 1, "{third}");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn stats_count_what_passed(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    talk(&world, &shop).await;

    let stats = world
        .get(
            &format!("/api/integrations/{}/{}/stats", shop.chatbot, shop.integration),
            &shop.owner,
        )
        .await
        .ok(200);

    assert_eq!(
        (
            &stats["conversations"],
            &stats["messages_in"],
            &stats["messages_out"],
            &stats["errors"]
        ),
        (&json!(1), &json!(1), &json!(1), &json!(1))
    );
    assert!(stats["last_used_at"].is_string());
}
