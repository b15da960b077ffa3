//! Leads from the widget's form, by hand and merged.

use super::*;
use domain::WorkspaceId;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

async fn integration(pool: &PgPool, workspace: WorkspaceId, platform: &str) -> IntegrationId {
    let (bot, integration) = (Uuid::now_v7(), IntegrationId::new());
    let sql = format!(
        "insert into workspaces (id, name) values ('{workspace}', 'Acme') on conflict do nothing;
         insert into chatbots (id, workspace_id, name, fallback_text) values ('{bot}', '{workspace}', 'b', 'f');
         insert into integrations (id, workspace_id, chatbot_id, platform, account, credentials, credentials_shown)
             values ('{integration}', '{workspace}', '{bot}', '{platform}', 'AC', '', '{{}}')"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
    integration
}

fn said(email: &str, company: &str) -> Lead {
    Lead {
        email: Some(email.to_owned()),
        fields: BTreeMap::from([("company".to_owned(), company.to_owned())]),
        consented_at: Some(Utc::now()),
        consent_text: Some("I agree.".to_owned()),
        ..Lead::default()
    }
}

async fn everybody(db: &Db, workspace: WorkspaceId) -> Vec<Listed> {
    let mut tx = db.tenant(workspace).await.unwrap();
    list(&mut tx, &Filter::default(), None, 100).await.unwrap()
}

#[sqlx::test]
async fn who_fills_the_form_twice_is_one_lead_on_the_first_stage(pool: PgPool) {
    let (db, workspace) = (Db::of_pool(&pool), WorkspaceId::new());
    let web = integration(&pool, workspace, "web").await;

    for company in ["Fern", "Fern & Kettle"] {
        keep(
            &db,
            web,
            "visitor",
            &said("ada@example.com", company),
            false,
            Utc::now(),
        )
        .await
        .unwrap();
    }

    let leads = everybody(&db, workspace).await;
    assert_eq!(leads.len(), 1);
    assert_eq!(leads[0].stage_name, "new");
    assert_eq!(leads[0].platforms, ["web"]);
    assert_eq!(leads[0].fields, json!({"company": "Fern & Kettle"}));
    assert_eq!(leads[0].consent_text.as_deref(), Some("I agree."));
}

#[sqlx::test]
async fn two_leads_become_one_that_keeps_its_own_words_and_has_both_contacts(pool: PgPool) {
    let (db, workspace) = (Db::of_pool(&pool), WorkspaceId::new());
    let (web, telegram) = (
        integration(&pool, workspace, "web").await,
        integration(&pool, workspace, "telegram").await,
    );
    keep(
        &db,
        web,
        "one",
        &said("ada@example.com", "Fern"),
        false,
        Utc::now(),
    )
    .await
    .unwrap();
    let other = Lead {
        phone: Some("+49 30 123456".to_owned()),
        ..said("old@example.com", "Kettle")
    };
    keep(&db, telegram, "two", &other, false, Utc::now())
        .await
        .unwrap();
    let [second, first] = everybody(&db, workspace).await.try_into().unwrap();

    let mut tx = db.tenant(workspace).await.unwrap();
    let same = merge(&mut tx, first.id, first.id, Utc::now()).await.unwrap();
    let merged = merge(&mut tx, first.id, second.id, Utc::now()).await.unwrap();
    let kept = get(&mut tx, first.id).await.unwrap().unwrap();

    assert_eq!((same, merged), (Merged::Unknown, Merged::Done));
    assert_eq!(kept.email.as_deref(), Some("ada@example.com"));
    assert_eq!(kept.phone.as_deref(), Some("+49 30 123456"));
    assert_eq!(kept.platforms, ["telegram", "web"]);
    assert_eq!(contacts(&mut tx, first.id).await.unwrap().len(), 2);
    assert!(get(&mut tx, second.id).await.unwrap().is_none());
    let by_number = find(&mut tx, None, Some("+4930123456")).await.unwrap();
    let by_address = find(&mut tx, Some("ADA@example.com"), None).await.unwrap();
    assert_eq!((by_number, by_address), (Some(first.id), Some(first.id)));
}

#[sqlx::test]
async fn stages_are_renamed_and_moved_and_one_with_leads_is_not_lost(pool: PgPool) {
    let (db, workspace) = (Db::of_pool(&pool), WorkspaceId::new());
    let web = integration(&pool, workspace, "web").await;
    keep(
        &db,
        web,
        "one",
        &said("ada@example.com", "Fern"),
        false,
        Utc::now(),
    )
    .await
    .unwrap();
    let mut tx = db.tenant(workspace).await.unwrap();
    let stages_before = stages(&mut tx).await.unwrap();
    let [new, contacted] = [&stages_before[0], &stages_before[1]];

    let without = [(Some(contacted.id), "contacted".to_owned())];
    let refused = replace_stages(&mut tx, &without).await.unwrap();
    let swapped = [
        (Some(contacted.id), "new".to_owned()),
        (None, "Customer".to_owned()),
        (Some(new.id), "contacted".to_owned()),
    ];
    let done = replace_stages(&mut tx, &swapped).await.unwrap();

    assert_eq!(refused, Replaced::InUse("new".to_owned()));
    assert_eq!(done, Replaced::Done);
    let names: Vec<_> = stages(&mut tx)
        .await
        .unwrap()
        .into_iter()
        .map(|stage| (stage.name, stage.leads))
        .collect();
    assert_eq!(
        names,
        [
            ("new".to_owned(), 0),
            ("Customer".to_owned(), 0),
            ("contacted".to_owned(), 1)
        ]
    );
    let foreign = [(Some(domain::LeadStageId::new()), "x".to_owned())];
    assert_eq!(
        replace_stages(&mut tx, &foreign).await.unwrap(),
        Replaced::Unknown
    );
}
