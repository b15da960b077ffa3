//! Leads: writing them down, what does not fit, merging, and tables in and out.

use super::{Shop, World};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

async fn import(world: &World, shop: &Shop, query: &str, csv: &str) -> Value {
    let at = format!("/api/workspaces/{}/leads/import{query}", shop.workspace);
    let request = world.request(Method::POST, &at, &shop.owner).body(csv.to_owned());
    world.send(request).await.ok(200)
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_lead_is_written_down_moved_assigned_and_found(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let at = format!("/api/workspaces/{}/leads", shop.workspace);
    let stages = world
        .get(
            &format!("/api/workspaces/{}/lead-stages", shop.workspace),
            &shop.owner,
        )
        .await
        .ok(200);
    let qualified = stages["items"][2]["id"].clone();
    let (_, agent) = world.person(shop.workspace, domain::Role::Agent).await;

    let body = json!({"name": "Ada", "email": "ada@example.com", "fields": {"company": "Fern"}, "consent_text": "Call me."});
    let made = world.post(&at, &shop.owner, body).await.ok(201);
    let one = format!("{at}/{}", made["lead"]["id"].as_str().unwrap());
    let change =
        json!({"stage_id": qualified, "assignee_id": agent, "fields": {"company": null, "size": "12"}});
    let changed = world.patch(&one, &shop.owner, change).await.ok(200);
    let found = world
        .get(
            &format!("{at}?assignee_id={agent}&consented=true&q=ADA"),
            &shop.owner,
        )
        .await
        .ok(200);
    let none = world
        .get(&format!("{at}?assigned=false"), &shop.owner)
        .await
        .ok(200);

    assert_eq!(made["lead"]["stage"], "new");
    assert_eq!(made["lead"]["consent_text"], "Call me.");
    assert_eq!(changed["lead"]["stage"], "qualified");
    assert_eq!(changed["lead"]["fields"], json!({"size": "12"}));
    assert_eq!(changed["lead"]["name"], "Ada");
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(none["items"], json!([]));
    for (body, says) in [
        (json!({"email": "ada"}), "e-mail address"),
        (json!({"phone": "call me"}), "telephone number"),
        (json!({"fields": {"Bad Name": "x"}}), "a field's name"),
        (json!({"name": "a\nb"}), "one line"),
    ] {
        let detail = world.patch(&one, &shop.owner, body).await.problem(422);
        assert!(detail.contains(says), "{detail}");
    }
    world
        .post(&at, &shop.owner, json!({"fields": {"company": "x"}}))
        .await
        .problem(422);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_table_is_looked_at_first_then_brought_in_and_comes_out_again(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let at = format!("/api/workspaces/{}/leads", shop.workspace);
    let csv = "Name;Email;Phone;Stage;Company\n\
               Ada;ada@example.com;;won;Fern\n\
               Bob;nonsense;;;\n\
               Cyd;;'+49 30 123456;sold;\n\
               ;;;;Nobody\n\
               =HYPERLINK;eve@example.com;;;\n";

    let looked_at = import(&world, &shop, "?dry_run=true", csv).await;
    let before = world.get(&at, &shop.owner).await.ok(200);
    let brought = import(&world, &shop, "", csv).await;
    let again = import(&world, &shop, "", "email,company\nADA@example.com,Kettle\n").await;
    let table = world.get(&format!("{at}/table"), &shop.owner).await;

    assert_eq!(looked_at, brought);
    assert_eq!(before["items"], json!([]));
    assert_eq!((&brought["created"], &brought["wrong"]), (&json!(2), &json!(3)));
    let problems: Vec<(u64, String)> = brought["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["action"] == "wrong")
        .map(|row| {
            (
                row["line"].as_u64().unwrap(),
                row["problem"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    assert_eq!(
        problems.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
        [3, 4, 5]
    );
    assert!(
        problems[0].1.contains("e-mail address") && problems[1].1.contains("no stage"),
        "{problems:?}"
    );
    assert_eq!(again["updated"], 1);
    assert_eq!(table.status, 200);
    let lines: Vec<&str> = table.text.lines().collect();
    assert_eq!(
        lines[0],
        "name,email,phone,stage,assignee,chatbot,consented_at,consent_text,created_at,company"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("Ada,ADA@example.com,,won,") && line.ends_with(",Kettle"))
    );
    assert!(
        lines.iter().any(|line| line.starts_with("'=HYPERLINK,")),
        "a formula came out"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn stages_are_saved_whole_and_two_leads_become_one_with_a_word_in_the_activity(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (at, stages) = (
        format!("/api/workspaces/{}/leads", shop.workspace),
        format!("/api/workspaces/{}/lead-stages", shop.workspace),
    );
    let ada = world.post(&at, &shop.owner, json!({"name": "Ada"})).await.ok(201)["lead"]["id"].clone();
    let other = world
        .post(&at, &shop.owner, json!({"email": "ada@example.com"}))
        .await
        .ok(201)["lead"]["id"]
        .clone();
    let one = format!("{at}/{}", ada.as_str().unwrap());

    world
        .put(&stages, &shop.owner, json!({"stages": [{"name": "only"}]}))
        .await
        .problem(409);
    world
        .put(
            &stages,
            &shop.owner,
            json!({"stages": [{"name": "a"}, {"name": "A"}]}),
        )
        .await
        .problem(422);
    let merged = world
        .post(
            &format!("{one}/merge"),
            &shop.owner,
            json!({"from_lead_id": other}),
        )
        .await
        .ok(200);
    world
        .post(&format!("{one}/merge"), &shop.owner, json!({"from_lead_id": ada}))
        .await
        .problem(409);

    assert_eq!(
        (&merged["lead"]["name"], &merged["lead"]["email"]),
        (&json!("Ada"), &json!("ada@example.com"))
    );
    world
        .get(&format!("{at}/{}", other.as_str().unwrap()), &shop.owner)
        .await
        .problem(404);
    let log = world
        .get(
            &format!("/api/workspaces/{}/activity", shop.workspace),
            &shop.owner,
        )
        .await
        .ok(200);
    assert_eq!(log["items"][0]["action"], "lead.merge");
    assert_eq!(log["items"][0]["details"]["from"], other);
}
