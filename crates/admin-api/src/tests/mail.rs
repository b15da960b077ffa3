//! Mail: its settings, and what goes by it.

use super::{As, PASSWORD, World};
use ::mail::Post;
use mail_testkit::{MailServer, Received};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;

const MAIL: &str = "/api/administration/mail";

fn settings(server: &MailServer) -> Value {
    json!({
        "host": "127.0.0.1", "port": server.address().port(), "security": "none",
        "sender": "BotSmith <bots@example.test>",
    })
}

fn post(world: &World) -> Post {
    let url = world.api.settings().public_url.clone();
    Post::new(world.db.clone(), world.keyring.clone(), world.clock.clone(), url)
}

/// What stands behind the `#` of the mail's link.
fn token(mail: &Received, purpose: &str) -> String {
    let text = mail.text();
    let mark = format!("https://bots.example.com/link#{purpose}=");
    let rest = text.split_once(&mark).unwrap_or_else(|| panic!("{text}")).1;
    rest.split_whitespace().next().unwrap().to_owned()
}

async fn forgot(world: &World, email: &str, language: &str) -> super::Answer {
    let request = world
        .request(Method::POST, "/api/password-reset/mail", &As::Nobody)
        .header("accept-language", language);
    world.send(request.json(&json!({ "email": email }))).await
}

#[sqlx::test(migrations = "../store/migrations")]
async fn the_password_goes_in_and_never_out_and_goes_to_no_other_server(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let full = |host: &str, password: Value| {
        json!({
            "host": host, "port": 587, "security": "starttls", "username": "bots", "password": password,
            "sender": "bots@example.test",
        })
    };
    let without = json!({
        "host": "mail.example.test", "port": 465, "security": "tls", "username": "bots", "sender": "bots@example.test",
    });

    let first = world
        .put(MAIL, &root, full("mail.example.test", json!("canary-5")))
        .await
        .ok(200);
    let kept = world.put(MAIL, &root, without.clone()).await.ok(200);
    let mut elsewhere = without;
    elsewhere["host"] = json!("mail.evil.test");
    let refused = world.put(MAIL, &root, elsewhere).await;

    assert_eq!(
        (&first["has_password"], &first["security"]),
        (&json!(true), &json!("starttls"))
    );
    assert_eq!(
        (&kept["has_password"], &kept["port"]),
        (&json!(true), &json!(465))
    );
    assert!(refused.problem(422).contains("give the password again"));
    let shown = world.get(MAIL, &root).await;
    let log = world.get("/api/administration/activity?action=mail", &root).await;
    assert!(!format!("{}{}", shown.text, log.text).contains("canary"));
    assert_eq!(log.ok(200)["items"][1]["details"]["password"], "changed");
    let sealed: Vec<u8> = sqlx::query_scalar("select password from mail_settings")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert!(!sealed.windows(6).any(|window| window == b"canary"));
    for (field, bad) in [
        ("host", json!("smtp://mail.example.test")),
        ("port", json!(0)),
        ("security", json!("ssl")),
        ("sender", json!("nobody")),
        ("password", Value::Null),
    ] {
        let mut body = full("mail.example.test", json!("x"));
        body[field] = bad;
        let answer = world.put(MAIL, &root, body).await;
        assert!(answer.problem(422).contains(field), "{field}");
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_test_mail_arrives_or_says_what_is_wrong(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let server = MailServer::start().await;
    let test = async || {
        let request = world
            .request(Method::POST, "/api/administration/mail/test", &root)
            .header("accept-language", "de-DE,de;q=0.9");
        world.send(request.json(&json!({"to": "ada@example.test"}))).await
    };

    assert!(test().await.problem(409).contains("save"));
    world.put(MAIL, &root, settings(&server)).await.ok(200);
    test().await.ok(204);
    server.refuse_once("550 5.1.1 no such person");
    let refused = test().await.problem(502);
    server.wants("bots", "right");
    let mut body = settings(&server);
    body["username"] = json!("bots");
    body["password"] = json!("canary-wrong");
    world.put(MAIL, &root, body.clone()).await.ok(200);
    let stranger = test().await.problem(502);
    body["password"] = json!("right");
    world.put(MAIL, &root, body.clone()).await.ok(200);
    test().await.ok(204);
    body["security"] = json!("starttls");
    world.put(MAIL, &root, body).await.ok(200);
    let in_clear = test().await.problem(502);
    let mut nowhere = settings(&server);
    nowhere["port"] = json!(1);
    world.put(MAIL, &root, nowhere).await.ok(200);
    let unreachable = test().await.problem(502);

    assert!(refused.contains("no such person"), "{refused}");
    assert!(stranger.contains("look at user and password"), "{stranger}");
    assert!(!stranger.contains("canary"), "{stranger}");
    assert!(in_clear.contains("cannot be protected"), "{in_clear}");
    assert!(
        unreachable.contains("127.0.0.1:1 cannot be reached"),
        "{unreachable}"
    );
    let mails = server.received();
    assert_eq!(mails.len(), 2);
    assert_eq!(
        (mails[0].from.as_str(), mails[0].to.as_slice()),
        ("bots@example.test", &["ada@example.test".to_owned()][..])
    );
    assert!(mails[0].text().contains("kommen an"), "{}", mails[0].text());
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_invitation_goes_by_mail_and_its_link_is_nowhere_else(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let server = MailServer::start().await;
    world.put(MAIL, &root, settings(&server)).await.ok(200);
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/invitations", shop.workspace);

    let request = world
        .request(Method::POST, &path, &shop.owner)
        .header("accept-language", "de");
    let made = world
        .send(request.json(&json!({"email": "new@example.test", "role": "agent"})))
        .await
        .ok(201);
    post(&world).round().await.unwrap();

    assert_eq!(made["link"], Value::Null);
    let mail = server.wait_for(1).await.remove(0);
    assert!(mail.text().contains("Arbeitsbereich „Shop“"), "{}", mail.text());
    assert!(mail.text().contains("als Mitarbeiter"), "{}", mail.text());
    let listed = world.get(&path, &shop.owner).await.ok(200);
    assert_eq!(listed["items"][0]["mail"], "sent");
    // Two days later it still works.
    world.clock.advance(Duration::from_secs(2 * 86_400));
    let body = json!({"token": token(&mail, "invite"), "password": PASSWORD});
    let joined = world
        .post("/api/invitations/accept", &As::Nobody, body)
        .await
        .ok(200);
    assert_eq!(joined["user"]["email"], "new@example.test");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_invitation_that_was_withdrawn_before_its_mail_went_is_not_mailed(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let server = MailServer::start().await;
    world.put(MAIL, &root, settings(&server)).await.ok(200);
    let shop = world.shop().await;
    let path = format!("/api/workspaces/{}/invitations", shop.workspace);
    let made = world
        .post(
            &path,
            &shop.owner,
            json!({"email": "new@example.test", "role": "agent"}),
        )
        .await
        .ok(201);

    let at = format!("{path}/{}", made["id"].as_str().unwrap());
    world.delete(&at, &shop.owner).await.ok(204);
    post(&world).round().await.unwrap();

    assert_eq!((server.connections(), server.received().len()), (0, 0));
    let mails = world.get("/api/administration/mails", &root).await.ok(200);
    assert_eq!(mails["items"], json!([]));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_forgotten_password_is_answered_alike_for_every_address_and_mailed_to_accounts_only(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let server = MailServer::start().await;
    assert!(
        forgot(&world, "root@example.test", "en")
            .await
            .problem(409)
            .contains("no mail")
    );
    world.put(MAIL, &root, settings(&server)).await.ok(200);

    let known = forgot(&world, "ROOT@example.test", "de").await;
    let unknown = forgot(&world, "nobody@example.test", "de").await;
    post(&world).round().await.unwrap();

    assert_eq!((known.status, known.text), (unknown.status, unknown.text));
    let mail = server.wait_for(1).await.remove(0);
    assert_eq!(server.received().len(), 1);
    assert!(
        mail.text().contains("neues Passwort angefordert"),
        "{}",
        mail.text()
    );
    let new = "staple battery horse";
    let body = json!({"token": token(&mail, "reset"), "password": new});
    world
        .post("/api/password-reset", &As::Nobody, body.clone())
        .await
        .ok(204);
    world
        .post("/api/password-reset", &As::Nobody, body)
        .await
        .problem(422);
    let body = json!({"email": "root@example.test", "password": new});
    world.post("/api/session", &As::Nobody, body).await.ok(200);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s15_asking_for_new_passwords_is_slowed_down_whether_or_not_there_is_an_account(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let server = MailServer::start().await;
    world.put(MAIL, &root, settings(&server)).await.ok(200);

    let mut last = 202;
    for _ in 0..11 {
        last = forgot(&world, "nobody@example.test", "en").await.status.as_u16();
    }

    assert_eq!(last, 429);
    // And failed sign-ins are counted apart.
    let body = json!({"email": "root@example.test", "password": PASSWORD});
    world.post("/api/session", &As::Nobody, body).await.ok(200);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_mail_that_the_server_does_not_take_now_is_tried_again_and_one_that_it_refuses_is_given_up(
    pool: PgPool,
) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let server = MailServer::start().await;
    world.put(MAIL, &root, settings(&server)).await.ok(200);
    let post = post(&world);
    let mails = async || world.get("/api/administration/mails", &root).await.ok(200)["items"].clone();
    forgot(&world, "root@example.test", "en").await;

    server.refuse_once("451 come back later");
    post.round().await.unwrap();
    let waiting = mails().await;
    post.round().await.unwrap();
    let not_yet = server.received().len();
    world.clock.advance(Duration::from_secs(10));
    post.round().await.unwrap();
    let sent = mails().await;

    assert_eq!(
        (&waiting[0]["state"], &waiting[0]["attempts"]),
        (&json!("queued"), &json!(1))
    );
    assert!(waiting[0]["error"].as_str().unwrap().contains("come back later"));
    assert_eq!((not_yet, server.received().len()), (0, 1));
    assert_eq!(
        (&sent[0]["state"], &sent[0]["error"]),
        (&json!("sent"), &Value::Null)
    );

    forgot(&world, "root@example.test", "en").await;
    server.refuse_once("550 no such person");
    post.round().await.unwrap();
    assert_eq!(mails().await[0]["state"], "failed");
}

/// As after a `kill -9`: it was in hand, and whoever had it is gone.
#[sqlx::test(migrations = "../store/migrations")]
async fn a_mail_that_was_in_the_hand_of_a_process_that_died_is_sent_by_another(pool: PgPool) {
    let world = World::new(pool).await;
    let (root, _) = world.administrator().await;
    let server = MailServer::start().await;
    world.put(MAIL, &root, settings(&server)).await.ok(200);
    forgot(&world, "root@example.test", "en").await;
    let in_hand = chrono::Duration::minutes(3);
    let taken = store::mails::claim(&world.db, in_hand, world.clock.now())
        .await
        .unwrap();
    assert!(taken.is_some());

    post(&world).round().await.unwrap();
    assert_eq!(server.received().len(), 0);
    world.clock.advance(Duration::from_secs(3 * 60));
    post(&world).round().await.unwrap();

    assert_eq!(server.received().len(), 1);
}
