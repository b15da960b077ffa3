//! Plans, limits, invoices, revenue and Stripe.

use super::{Answer, As, Shop, World, settings};
use chrono::TimeDelta;
use domain::Role;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_string_contains, header, method, path},
};

const PLANS: &str = "/api/administration/plans";
const SIGNING: &str = "whsec_canary_signing_secret";

fn plan(name: &str, price_minor: i64) -> Value {
    json!({"name": name, "price_minor": price_minor, "currency": "eur"})
}

async fn make(world: &World, root: &As, plan: Value) -> String {
    world.post(PLANS, root, plan).await.ok(201)["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn give(world: &World, root: &As, shop: &Shop, plan: &str) -> Value {
    let path = format!("/api/administration/subscriptions/{}", shop.workspace);
    world.put(&path, root, json!({"plan_id": plan})).await.ok(200)
}

#[sqlx::test(migrations = "../store/migrations")]
async fn without_a_plan_nothing_is_limited_and_with_one_each_limit_is_named_where_it_is_reached(
    pool: PgPool,
) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (root, _) = world.administrator().await;
    let chatbots = format!("/api/workspaces/{}/chatbots", shop.workspace);
    let sources = format!("/api/chatbots/{}/sources", shop.chatbot);
    let text = json!({"title": "t", "text": "t"});
    world
        .post(&chatbots, &shop.owner, json!({"name": "second"}))
        .await
        .ok(201);

    let mut small = plan("Small", 0);
    for (limit, most) in [("max_chatbots", 2), ("max_documents", 1), ("max_seats", 1)] {
        small[limit] = json!(most);
    }
    let small = make(&world, &root, small).await;
    give(&world, &root, &shop, &small).await;
    world.post(&sources, &shop.owner, text.clone()).await.ok(201);

    let invitations = format!("/api/workspaces/{}/invitations", shop.workspace);
    for (path, body, named) in [
        (
            &chatbots,
            json!({"name": "third"}),
            "plan Small allows 2 chatbots, and 2 are there",
        ),
        (&sources, text, "plan Small allows 1 sources of knowledge"),
        (
            &invitations,
            json!({"email": "new@example.test", "role": "agent"}),
            "plan Small allows 1 members",
        ),
    ] {
        let refused = world.post(path, &shop.owner, body).await;
        assert_eq!(refused.json()["type"], "urn:botsmith:problem:plan-limit");
        let detail = refused.problem(402);
        assert!(
            detail.contains(named) && detail.contains("Plan and usage"),
            "{detail}"
        );
    }
    let shown = world
        .get(&format!("/api/workspaces/{}/plan", shop.workspace), &shop.owner)
        .await
        .ok(200);
    let chatbots_used = shown["usage"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["what"] == "chatbots")
        .unwrap();
    assert_eq!(
        (
            &chatbots_used["used"],
            &chatbots_used["limit"],
            &chatbots_used["level"]
        ),
        (&json!(2), &json!(2), &json!("reached"))
    );

    // One that is archived makes room, and cannot come back past the limit.
    world
        .post(
            &format!("/api/chatbots/{}/archive", shop.chatbot),
            &shop.owner,
            json!({}),
        )
        .await
        .ok(200);
    world
        .post(&chatbots, &shop.owner, json!({"name": "third"}))
        .await
        .ok(201);
    world
        .post(
            &format!("/api/chatbots/{}/restore", shop.chatbot),
            &shop.owner,
            json!({}),
        )
        .await
        .problem(402);

    // Without a subscription nothing is limited again.
    let path = format!("/api/administration/subscriptions/{}", shop.workspace);
    world.delete(&path, &root).await.ok(204);
    world
        .post(&chatbots, &shop.owner, json!({"name": "fourth"}))
        .await
        .ok(201);
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_invoice_is_written_paid_and_downloaded_and_nobody_elses_is_seen(pool: PgPool) {
    let world = World::new(pool).await;
    let (shop, other) = (world.shop().await, world.shop().await);
    let (root, _) = world.administrator().await;
    let team = make(&world, &root, plan("Team", 2_900)).await;
    give(&world, &root, &shop, &team).await;
    let own = format!("/api/workspaces/{}/invoices", shop.workspace);

    let listed = world.get(&own, &shop.owner).await.ok(200);
    let invoice = &listed["items"][0];
    assert_eq!(
        (&invoice["number"], &invoice["state"], &invoice["total_minor"]),
        (&json!("INV-000001"), &json!("open"), &json!(2_900))
    );
    let id = invoice["id"].as_str().unwrap();
    let page = world
        .get(&format!("{own}/{id}/document?language=de"), &shop.owner)
        .await;
    assert!(
        page.text.contains("Rechnung INV-000001") && page.text.contains("29.00 EUR"),
        "{}",
        page.text
    );
    assert_eq!(
        page.headers["content-disposition"],
        "attachment; filename=\"INV-000001.html\""
    );
    let table = world
        .get(
            &format!("/api/workspaces/{}/invoices.csv", shop.workspace),
            &shop.owner,
        )
        .await;
    assert!(
        table.text.contains("INV-000001,Shop,open,29.00,EUR,"),
        "{}",
        table.text
    );
    let theirs = format!("/api/workspaces/{}/invoices", other.workspace);
    assert_eq!(world.get(&theirs, &other.owner).await.ok(200)["items"], json!([]));
    world
        .get(&format!("{theirs}/{id}/document"), &other.owner)
        .await
        .problem(404);
    world
        .post(
            &format!("/api/administration/invoices/{id}/paid"),
            &shop.owner,
            json!({}),
        )
        .await
        .problem(404);

    let paid = world
        .post(
            &format!("/api/administration/invoices/{id}/paid"),
            &root,
            json!({}),
        )
        .await
        .ok(200);
    assert_eq!(paid["state"], "paid");
    let again = world
        .post(
            &format!("/api/administration/invoices/{id}/void"),
            &root,
            json!({}),
        )
        .await;
    assert!(again.problem(409).contains("the invoice is paid"));

    // The workspace and the administrator read of it.
    let activity = world
        .get(
            &format!("/api/workspaces/{}/activity", shop.workspace),
            &shop.owner,
        )
        .await
        .ok(200);
    for action in ["subscription.set", "invoice.paid"] {
        assert!(activity.to_string().contains(action), "{action}");
    }
}

#[sqlx::test(migrations = "../store/migrations")]
async fn revenue_tells_what_a_known_load_brought_and_cost(pool: PgPool) {
    let world = World::new(pool).await;
    let (shop, trying) = (world.shop().await, world.shop().await);
    let (root, _) = world.administrator().await;
    let team = make(&world, &root, plan("Team", 2_900)).await;
    let mut trial = plan("Trial", 900);
    trial["trial_days"] = json!(14);
    let trial = make(&world, &root, trial).await;
    give(&world, &root, &shop, &team).await;
    give(&world, &root, &trying, &trial).await;
    let sql = format!(
        "insert into analytics_hours (workspace_id, chatbot_id, platform, hour, inbound, cost_micros)
         values ('{}', '{}', 'twilio', date_trunc('hour', now()), 4, 5000000)",
        shop.workspace, shop.chatbot
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&world.pool)
        .await
        .unwrap();
    let credit = json!({"amount_minor": 500, "currency": "EUR", "note": "sorry"});
    let of_shop = format!("/api/administration/subscriptions/{}", shop.workspace);
    world
        .post(&format!("{of_shop}/credits"), &root, credit)
        .await
        .ok(201);

    let unpriced = world.get(&of_shop, &root).await.ok(200);
    world
        .put(
            "/api/administration/exchange-rates",
            &root,
            json!({"exchange_rates": {"eur": 2.0}}),
        )
        .await
        .ok(200);
    let told = world
        .get("/api/administration/revenue?months=2", &root)
        .await
        .ok(200);
    let priced = world.get(&of_shop, &root).await.ok(200);

    assert_eq!((&told["trials"], &told["paying"]), (&json!(1), &json!(1)));
    let now = told["months"].as_array().unwrap().last().unwrap();
    for (figure, wanted) in [
        ("mrr_minor", 2_900),
        ("arpu_minor", 2_900),
        ("new", 1),
        ("churned", 0),
        ("invoiced_minor", 2_900),
    ] {
        assert_eq!(now[figure], wanted, "{figure}: {now}");
    }
    assert_eq!(told["costs"].as_array().unwrap().last().unwrap()["cost_usd"], 5.0);
    assert_eq!(told["open_credits"], json!([{"currency": "EUR", "minor": 500}]));
    assert_eq!(
        told["open_invoices"],
        json!([{"currency": "EUR", "minor": 2_900}])
    );
    assert_eq!(
        unpriced["margin_usd"],
        Value::Null,
        "a margin without an exchange rate"
    );
    // 29 euros at two dollars each, less five dollars for models.
    assert_eq!(
        (&priced["margin_usd"], &priced["chatbots"][0]["margin_usd"]),
        (&json!(53.0), &json!(53.0))
    );
    let table = world.get("/api/administration/revenue.csv?months=1", &root).await;
    assert!(
        table
            .text
            .contains(",EUR,29.00,1,29.00,29.00,1,0.00,0,29.00,0.00,5"),
        "{}",
        table.text
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_owner_cancels_and_comes_back_and_redeems_a_coupon(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (root, _) = world.administrator().await;
    let (agent, _) = world.person(shop.workspace, Role::Admin).await;
    let own = format!("/api/workspaces/{}/plan", shop.workspace);
    world
        .post(&format!("{own}/cancel"), &shop.owner, json!({}))
        .await
        .problem(409);
    let team = make(&world, &root, plan("Team", 2_900)).await;
    give(&world, &root, &shop, &team).await;
    world
        .post(
            "/api/administration/coupons",
            &root,
            json!({"code": "half", "percent": 50}),
        )
        .await
        .ok(201);

    world
        .post(&format!("{own}/cancel"), &agent, json!({}))
        .await
        .problem(403);
    let cancelled = world
        .post(&format!("{own}/cancel"), &shop.owner, json!({}))
        .await
        .ok(200);
    assert_eq!(cancelled["subscription"]["cancel_at_period_end"], true);
    let back = world
        .post(&format!("{own}/resume"), &shop.owner, json!({}))
        .await
        .ok(200);
    assert_eq!(back["subscription"]["cancel_at_period_end"], false);
    let redeemed = world
        .post(&format!("{own}/coupon"), &shop.owner, json!({"code": "half"}))
        .await
        .ok(200);
    assert_eq!(redeemed["subscription"]["coupon"], "HALF");
    world
        .post(&format!("{own}/coupon"), &shop.owner, json!({"code": "half"}))
        .await
        .problem(422);

    let at_once = format!("/api/administration/subscriptions/{}/cancel", shop.workspace);
    let ended = world
        .post(&at_once, &root, json!({"at_once": true}))
        .await
        .ok(200);
    assert_eq!(ended["subscription"]["state"], "cancelled");
    let refused = world
        .post(
            &format!("/api/workspaces/{}/chatbots", shop.workspace),
            &shop.owner,
            json!({"name": "b"}),
        )
        .await;
    assert!(refused.problem(402).contains("has ended"));
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_plan_that_somebody_has_is_archived_and_not_deleted(pool: PgPool) {
    let world = World::new(pool).await;
    let shop = world.shop().await;
    let (root, _) = world.administrator().await;
    let team = make(&world, &root, plan("Team", 2_900)).await;
    let spare = make(&world, &root, plan("Spare", 100)).await;
    give(&world, &root, &shop, &team).await;

    world.delete(&format!("{PLANS}/{team}"), &root).await.problem(409);
    world.delete(&format!("{PLANS}/{spare}"), &root).await.ok(204);
    let mut archived = plan("Team", 3_900);
    archived["archived"] = json!(true);
    world
        .put(&format!("{PLANS}/{team}"), &root, archived)
        .await
        .ok(200);

    let own = world
        .get(&format!("/api/workspaces/{}/plan", shop.workspace), &shop.owner)
        .await
        .ok(200);
    assert_eq!(own["plans"], json!([]));
    assert_eq!(
        own["subscription"]["price_minor"], 2_900,
        "a new price counts from the next period on"
    );
    world.get(PLANS, &shop.owner).await.problem(404);
}

/// A world whose Stripe is played, with its keys entered.
async fn with_stripe(pool: PgPool) -> (World, MockServer, As) {
    let stripe = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/v1/prices"))
        .and(header("authorization", "Bearer sk_test_canary_key"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"object": "list", "data": []})))
        .mount(&stripe)
        .await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(401))
        .mount(&stripe)
        .await;
    let settings = crate::Settings {
        stripe_api_url: format!("{}/", stripe.uri()).parse().unwrap(),
        ..settings()
    };
    let world = World::with(pool, settings).await;
    let (root, _) = world.administrator().await;
    let keys = |key: &str| json!({"secret_key": key, "webhook_secret": SIGNING});
    let refused = world
        .put("/api/administration/stripe", &root, keys("sk_test_not_a_key"))
        .await;
    assert!(refused.problem(422).contains("does not accept"));
    let connected = world
        .put("/api/administration/stripe", &root, keys("sk_test_canary_key"))
        .await;
    assert!(!connected.text.contains("canary"), "{}", connected.text);
    let connected = connected.ok(200);
    assert_eq!(
        (&connected["connected"], &connected["test"]),
        (&json!(true), &json!(true))
    );
    let kept: Value = sqlx::query_scalar("select value from installation where key = 'stripe'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert!(!kept.to_string().contains("canary"), "{kept}");
    (world, stripe, root)
}

/// An event, shaped as Stripe's documentation has it, of this workspace.
fn event(shop: &Shop, fixture: &str, id: &str, second: i64, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let text = fixture.replace(
        "019a0000-0000-7000-8000-000000000001",
        &shop.workspace.to_string(),
    );
    let mut event: Value = serde_json::from_str(&text).unwrap();
    event["id"] = json!(id);
    event["created"] = json!(second);
    change(&mut event);
    serde_json::to_vec(&event).unwrap()
}

const SUBSCRIPTION: &str = include_str!("../../../stripe/fixtures/customer.subscription.updated.json");
const INVOICE: &str = include_str!("../../../stripe/fixtures/invoice.paid.json");

async fn told(world: &World, body: Vec<u8>, secret: &str, late: TimeDelta) -> Answer {
    let signature = stripe::sign(&secret.into(), &body, world.api.now() - late);
    let request = world
        .request(Method::POST, "/api/stripe/events", &As::Nobody)
        .header("stripe-signature", signature)
        .header("content-type", "application/json; charset=utf-8");
    world.send(request.body(body)).await
}

#[sqlx::test(migrations = "../store/migrations")]
async fn a_checkout_leads_to_stripe_and_its_signed_events_make_the_subscription(pool: PgPool) {
    let (world, stripe, root) = with_stripe(pool).await;
    let shop = world.shop().await;
    let mut team = plan("Team", 2_900);
    team["stripe_price"] = json!("price_team");
    let team = make(&world, &root, team).await;
    let workspace = shop.workspace.to_string();
    Mock::given(method("POST"))
        .and(path("/v1/checkout/sessions"))
        .and(body_string_contains("line_items%5B0%5D%5Bprice%5D=price_team"))
        .and(body_string_contains(format!("client_reference_id={workspace}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({"id": "cs_1", "object": "checkout.session", "url": "https://checkout.stripe.com/c/pay/cs_1"}),
        ))
        .mount(&stripe)
        .await;
    Mock::given(method("POST"))
        .and(path("/v1/billing_portal/sessions"))
        .and(body_string_contains("customer=cus_1"))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"url": "https://billing.stripe.com/p/session/1"})),
        )
        .mount(&stripe)
        .await;
    Mock::given(method("POST"))
        .and(path("/v1/subscriptions/sub_1"))
        .and(body_string_contains("cancel_at_period_end=true"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"id": "sub_1", "object": "subscription"})),
        )
        .mount(&stripe)
        .await;
    let own = format!("/api/workspaces/{workspace}/plan");

    let onward = world
        .post(&format!("{own}/checkout"), &shop.owner, json!({"plan_id": team}))
        .await
        .ok(200);
    assert_eq!(onward["url"], "https://checkout.stripe.com/c/pay/cs_1");
    // The invoice comes before the subscription that it is of.
    let none = TimeDelta::zero();
    let paid = event(&shop, INVOICE, "evt_inv", 1_790_000_101, |_| {});
    assert_eq!(
        told(&world, paid, SIGNING, none).await.ok(200)["outcome"],
        "followed"
    );
    let begun = event(&shop, SUBSCRIPTION, "evt_sub", 1_790_000_100, |_| {});
    assert_eq!(
        told(&world, begun.clone(), SIGNING, none).await.ok(200)["outcome"],
        "followed"
    );
    assert_eq!(
        told(&world, begun, SIGNING, none).await.ok(200)["outcome"],
        "repeat"
    );
    let older = event(&shop, SUBSCRIPTION, "evt_old", 1_790_000_050, |event| {
        event["data"]["object"]["status"] = json!("trialing");
    });
    assert_eq!(
        told(&world, older, SIGNING, none).await.ok(200)["outcome"],
        "older"
    );
    let others = event(&shop, SUBSCRIPTION, "evt_other", 1_790_000_200, |event| {
        event["data"]["object"]["metadata"] = json!({});
    });
    assert_eq!(
        told(&world, others, SIGNING, none).await.ok(200)["outcome"],
        "not_ours"
    );

    let shown = world.get(&own, &shop.owner).await.ok(200);
    assert_eq!(
        (
            &shown["subscription"]["state"],
            &shown["subscription"]["by_stripe"]
        ),
        (&json!("active"), &json!(true))
    );
    let bills = world
        .get(&format!("/api/workspaces/{workspace}/invoices"), &shop.owner)
        .await
        .ok(200);
    assert_eq!(
        (&bills["items"][0]["number"], &bills["items"][0]["state"]),
        (&json!("9A1B2C3D-0001"), &json!("paid"))
    );
    let portal = world
        .post(&format!("{own}/portal"), &shop.owner, json!({}))
        .await
        .ok(200);
    assert_eq!(portal["url"], "https://billing.stripe.com/p/session/1");
    let cancelled = world
        .post(&format!("{own}/cancel"), &shop.owner, json!({}))
        .await
        .ok(200);
    assert_eq!(cancelled["subscription"]["cancel_at_period_end"], true);
    world
        .post(&format!("{own}/checkout"), &shop.owner, json!({"plan_id": team}))
        .await
        .problem(409);

    let gone = event(&shop, SUBSCRIPTION, "evt_gone", 1_790_000_300, |event| {
        event["type"] = json!("customer.subscription.deleted");
        event["data"]["object"]["status"] = json!("canceled");
    });
    assert_eq!(
        told(&world, gone, SIGNING, none).await.ok(200)["outcome"],
        "followed"
    );
    let shown = world.get(&own, &shop.owner).await.ok(200);
    assert_eq!(shown["subscription"]["state"], "cancelled");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_event_that_is_not_proven_is_answered_with_400_and_changes_nothing(pool: PgPool) {
    let (world, _stripe, root) = with_stripe(pool).await;
    let shop = world.shop().await;
    let mut team = plan("Team", 2_900);
    team["stripe_price"] = json!("price_team");
    make(&world, &root, team).await;
    let body = event(&shop, SUBSCRIPTION, "evt_sub", 1_790_000_100, |_| {});

    told(
        &world,
        body.clone(),
        "whsec_of_another_endpoint",
        TimeDelta::zero(),
    )
    .await
    .problem(400);
    told(&world, body.clone(), SIGNING, TimeDelta::seconds(301))
        .await
        .problem(400);
    let unsigned = world
        .request(Method::POST, "/api/stripe/events", &As::Nobody)
        .body(body.clone());
    world.send(unsigned).await.problem(400);
    let changed = String::from_utf8(body.clone()).unwrap().replace("2900", "1");
    let signature = stripe::sign(&SIGNING.into(), &body, world.api.now());
    let request = world
        .request(Method::POST, "/api/stripe/events", &As::Nobody)
        .header("stripe-signature", signature);
    world.send(request.body(changed)).await.problem(400);
    world.delete("/api/administration/stripe", &root).await.ok(204);
    told(&world, body, SIGNING, TimeDelta::zero()).await.problem(400);

    let shown = world
        .get(&format!("/api/workspaces/{}/plan", shop.workspace), &shop.owner)
        .await
        .ok(200);
    assert_eq!(shown["subscription"], Value::Null);
    assert_eq!(shown["checkout"], false);
}
