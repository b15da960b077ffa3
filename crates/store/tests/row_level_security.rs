//! S2: the database itself keeps tenants apart, whatever a query says.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use domain::WorkspaceId;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool, Row};
use store::Db;

/// Tables that tenants read with other conditions than their own `workspace_id`, or not at all.
const WITHOUT_WORKSPACE: &[&str] = &[
    "installation",
    "users",
    "sessions",
    "sign_in_failures",
    "seen",
    "jobs",
    // Where the log of all workspaces ends, and the processes that serve all of them.
    "activity_head",
    "instances",
    // What models cost is the same for everybody, and set by the administrator of the installation.
    "model_prices",
    // What is offered to everybody, and what keeps invoices and events of Stripe in order.
    "plans",
    "coupons",
    "invoice_numbers",
    "stripe_events",
];

async fn tables(pool: &PgPool) -> Vec<String> {
    let rows = sqlx::query(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
         and relname <> '_sqlx_migrations' order by relname",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    rows.iter().map(|row| row.get("relname")).collect()
}

async fn as_role(pool: &PgPool, role: &'static str) -> PgConnection {
    let mut connection = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    connection
        .execute(AssertSqlSafe(format!("set role {role}")))
        .await
        .unwrap();
    connection
}

/// A row in every table that a tenant has, for two tenants.
async fn fill(pool: &PgPool, workspace: uuid::Uuid, n: i32) {
    let sql = format!(
        "set role botsmith_system;
         insert into workspaces (id, name) values ('{workspace}', 'w{n}');
         insert into users (id, email) values (gen_random_uuid(), 'u{n}@example.test');
         insert into memberships select '{workspace}', id, 'owner' from users where email = 'u{n}@example.test';
         insert into chatbots (id, workspace_id, name, fallback_text) values (gen_random_uuid(), '{workspace}', 'b', 'f');
         insert into integrations (id, workspace_id, chatbot_id, platform, account, credentials, credentials_shown)
             select gen_random_uuid(), workspace_id, id, 'twilio', 'AC', '', '{{}}' from chatbots where workspace_id = '{workspace}';
         insert into contacts (id, workspace_id, integration_id, key)
             select gen_random_uuid(), workspace_id, id, '+1' from integrations where workspace_id = '{workspace}';
         insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key)
             select gen_random_uuid(), i.workspace_id, i.chatbot_id, i.id, c.id, '+1'
             from integrations i join contacts c on c.integration_id = i.id where i.workspace_id = '{workspace}';
         insert into messages (id, workspace_id, conversation_id, direction, text, accepted_at)
             select gen_random_uuid(), workspace_id, id, 'outbound', 't', now() from conversations where workspace_id = '{workspace}';
         insert into api_keys (id, workspace_id, name, prefix, key_hash, role)
             values (gen_random_uuid(), '{workspace}', 'k', 'p', '\\x0{n}', 'viewer');
         reset role"
    );
    pool.execute(AssertSqlSafe(sql)).await.unwrap();
}

#[sqlx::test]
async fn s2_every_table_forces_row_level_security(pool: PgPool) {
    let rows = sqlx::query(
        "select c.relname, c.relrowsecurity and c.relforcerowsecurity as forced,
                exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'workspace_id'
                        and not a.attisdropped) as has_workspace
         from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
         and c.relname <> '_sqlx_migrations'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();

    assert!(rows.len() > 25);
    for row in &rows {
        let table: String = row.get("relname");
        assert!(
            row.get::<bool, _>("forced"),
            "{table} does not force row-level security"
        );
        assert!(
            row.get::<bool, _>("has_workspace")
                || table == "workspaces"
                || WITHOUT_WORKSPACE.contains(&table.as_str()),
            "{table} belongs to no workspace: say so in this test if it must be so"
        );
    }
}

#[sqlx::test]
async fn s2_no_role_of_ours_bypasses_row_level_security(pool: PgPool) {
    let bypassing: Vec<String> = sqlx::query_scalar(
        "select rolname::text from pg_roles where rolname like 'botsmith_%' and (rolbypassrls or rolsuper)",
    )
    .fetch_all(&pool)
    .await
    .unwrap();

    assert!(bypassing.is_empty(), "{bypassing:?}");
}

#[sqlx::test]
async fn s2_the_tenant_role_without_a_tenant_sees_no_row_of_any_table(pool: PgPool) {
    fill(&pool, WorkspaceId::new().as_uuid(), 1).await;
    fill(&pool, WorkspaceId::new().as_uuid(), 2).await;
    let mut tenant = as_role(&pool, "botsmith_tenant").await;

    let mut readable = 0;
    for table in tables(&pool).await {
        // A column that every table's readers may count by: `count(*)` needs some column to be readable.
        match sqlx::query(AssertSqlSafe(format!("select count(*) as n from {table}")))
            .fetch_one(&mut tenant)
            .await
        {
            Ok(row) => {
                readable += 1;
                assert_eq!(row.get::<i64, _>("n"), 0, "{table} shows rows without a tenant");
            }
            Err(error) => {
                let code = error
                    .as_database_error()
                    .and_then(|e| e.code().map(|code| code.into_owned()));
                assert_eq!(code.as_deref(), Some("42501"), "{table}: {error}");
            }
        }
    }
    assert!(readable > 15, "only {readable} tables could be asked");
}

#[sqlx::test]
async fn s2_a_tenant_sees_and_changes_its_own_rows_only_whatever_the_query_says(pool: PgPool) {
    let (ours, theirs) = (WorkspaceId::new().as_uuid(), WorkspaceId::new().as_uuid());
    fill(&pool, ours, 1).await;
    fill(&pool, theirs, 2).await;
    let mut tenant = as_role(&pool, "botsmith_tenant").await;
    let mut tx = tenant.begin().await.unwrap();
    sqlx::query("select set_config('botsmith.workspace', $1, true)")
        .bind(ours.to_string())
        .execute(&mut *tx)
        .await
        .unwrap();

    for table in [
        "memberships",
        "chatbots",
        "integrations",
        "contacts",
        "conversations",
        "messages",
        "api_keys",
    ] {
        let seen: Vec<uuid::Uuid> =
            sqlx::query_scalar(AssertSqlSafe(format!("select workspace_id from {table}")))
                .fetch_all(&mut *tx)
                .await
                .unwrap();
        assert_eq!(seen, [ours], "{table}");
    }
    let names: Vec<String> = sqlx::query_scalar("select name from workspaces")
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    let people: Vec<String> = sqlx::query_scalar("select email from users")
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    let renamed = sqlx::query("update chatbots set name = 'mine now'")
        .execute(&mut *tx)
        .await
        .unwrap();
    let moved = sqlx::query("update chatbots set workspace_id = $1")
        .bind(theirs)
        .execute(&mut *tx)
        .await;

    assert_eq!(names, ["w1"]);
    assert_eq!(people, ["u1@example.test"]);
    assert_eq!(renamed.rows_affected(), 1);
    assert!(moved.is_err(), "a row was given to another tenant");
}

#[sqlx::test]
async fn s2_a_workspace_never_shows_through_a_connection_that_another_used_before(pool: PgPool) {
    let (ours, theirs) = (WorkspaceId::new(), WorkspaceId::new());
    fill(&pool, ours.as_uuid(), 1).await;
    fill(&pool, theirs.as_uuid(), 2).await;
    let db = Db::of_pool(&pool);

    for _ in 0..20 {
        for (workspace, name) in [(ours, "w1"), (theirs, "w2")] {
            let mut tx = db.tenant(workspace).await.unwrap();
            let found = store::workspaces::get(&mut tx).await.unwrap().unwrap();
            assert_eq!((found.id, found.name.as_str()), (workspace, name));
        }
    }
}
