//! S1: for every route and every id in it, another tenant's id is answered 404 and changes nothing.
//!
//! Made from the OpenAPI document: a route with an id that this test has no example of fails it.

use super::{As, World, pigeon};
use domain::{Role, WorkspaceId};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool, Row};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// One of everything that has an id, in one workspace.
struct Tenant {
    workspace: WorkspaceId,
    ids: BTreeMap<&'static str, String>,
}

impl Tenant {
    async fn new(world: &World) -> Self {
        let workspace = world.workspace("Tenant").await;
        let (_, member) = world.person(workspace, Role::Viewer).await;
        let (_, key) = world.key(workspace, Role::Viewer).await;
        let id = Uuid::now_v7;
        let (chatbot, source, integration, contact, conversation) = (id(), id(), id(), id(), id());
        let (message, reply, part, blob, attachment) = (id(), id(), id(), id(), id());
        let (answer, unanswered, letter, document) = (id(), id(), id(), id());
        let (tool, server) = (id(), id());
        let (invitation, session) = (id(), id());
        let (golden, run) = (id(), id());
        let (lead, other_lead, hook, event, delivery, job) = (id(), id(), id(), id(), id(), id());
        let stage = id();
        let (plan, invoice) = (id(), id());
        let (label, note, canned) = (id(), id(), id());
        let said = |instructions: &str| {
            json!({
                "name": "bot", "instructions": instructions, "fallback_text": "no idea", "model": null,
                "max_answer_age_seconds": 3600, "retrieval": {},
            })
        };
        let (live, drafted) = (said(""), said("secret"));
        let row = integration;
        let credentials = world
            .keyring
            .seal(
                workspace,
                vault::Place {
                    row,
                    column: store::integrations::CREDENTIALS_COLUMN,
                },
                pigeon::good().to_string().as_bytes(),
            )
            .await
            .unwrap();
        let hex: String = credentials.iter().map(|byte| format!("{byte:02x}")).collect();
        let w = workspace;
        let (invited, signed_in) = (invitation.simple(), session.simple());
        let sql = format!(
            "set role botsmith_system;
             insert into chatbots (id, workspace_id, name, fallback_text) values ('{chatbot}', '{w}', 'bot', 'no idea');
             insert into sources (id, workspace_id, chatbot_id, kind, title, content, state)
                 values ('{source}', '{w}', '{chatbot}', 'text', 't', '{{\"text\": \"t\"}}', 'failed');
             insert into documents (id, workspace_id, chatbot_id, source_id, title, content_hash)
                 values ('{document}', '{w}', '{chatbot}', '{source}', 't', '');
             insert into pages (id, workspace_id, chatbot_id, source_id, url, depth, crawl)
                 values (gen_random_uuid(), '{w}', '{chatbot}', '{source}', 'https://secret.example/', 0, 1);
             insert into integrations (id, workspace_id, chatbot_id, platform, account, credentials, credentials_shown)
                 values ('{integration}', '{w}', '{chatbot}', 'twilio', 'AC', '\\x{hex}', '{{}}');
             insert into contacts (id, workspace_id, integration_id, key) values ('{contact}', '{w}', '{integration}', '+14155550111');
             insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key, next_position)
                 values ('{conversation}', '{w}', '{chatbot}', '{integration}', '{contact}', '+14155550111', 2);
             insert into messages (id, workspace_id, conversation_id, direction, state, text, accepted_at, answer_id)
                 values ('{message}', '{w}', '{conversation}', 'inbound', 'answered', 'secret of {w}', now(), '{answer}');
             insert into messages (id, workspace_id, conversation_id, direction, sender, text, accepted_at)
                 values ('{reply}', '{w}', '{conversation}', 'outbound', 'bot', 'reply of {w}', now());
             insert into parts (id, workspace_id, integration_id, conversation_id, message_id, platform, position, sender, content, state, due_at)
                 values ('{part}', '{w}', '{integration}', '{conversation}', '{reply}', 'twilio', 1, 'bot', '{{\"text\": \"reply\"}}', 'dead', now());
             insert into blobs (id, workspace_id, content_type, bytes) values ('{blob}', '{w}', 'image/png', 3);
             insert into blob_pieces (workspace_id, blob_id, position, bytes) values ('{w}', '{blob}', 0, 'png');
             update sources set kind = 'file', content = '{{\"name\": \"t.txt\", \"bytes\": 3}}', blob_id = '{blob}' where id = '{source}';
             insert into attachments (id, workspace_id, integration_id, message_id, position, url, content_type, state, blob_id)
                 values ('{attachment}', '{w}', '{integration}', '{message}', 0, 'https://x', 'image/png', 'stored', '{blob}');
             insert into answers (id, workspace_id, chatbot_id, conversation_id, question, passages, citations, model, prompt_version, stages)
                 values ('{answer}', '{w}', '{chatbot}', '{conversation}', 'q', '[]', '[]', 'extractive', 1, '{{}}');
             insert into unanswered (id, workspace_id, chatbot_id, conversation_id, answer_id, question)
                 values ('{unanswered}', '{w}', '{chatbot}', '{conversation}', '{answer}', 'q');
             insert into dead_letters (id, workspace_id, integration_id, kind, part_id, reason)
                 values ('{letter}', '{w}', '{integration}', 'part', '{part}', 'r');
             insert into analytics_hours (workspace_id, chatbot_id, platform, hour, inbound)
                 values ('{w}', '{chatbot}', 'twilio', date_trunc('hour', now()), 1);
             insert into conduct (chatbot_id, workspace_id, link_hosts) values ('{chatbot}', '{w}', '{{secret.example}}');
             insert into tools (id, workspace_id, chatbot_id, name, definition)
                 values ('{tool}', '{w}', '{chatbot}', 'find',
                         '{{\"description\": \"d\", \"method\": \"GET\", \"url\": \"https://api.example.invalid/\", \"changes\": false}}');
             insert into mcp_servers (id, workspace_id, chatbot_id, name, url)
                 values ('{server}', '{w}', '{chatbot}', 'shop', 'https://mcp.example.invalid/');
             insert into chatbot_versions (chatbot_id, number, workspace_id, settings, state, created_at, live_at)
                 values ('{chatbot}', 1, '{w}', '{live}', 'live', now(), now());
             insert into chatbot_drafts (chatbot_id, workspace_id, settings, base_number, created_at, updated_at)
                 values ('{chatbot}', '{w}', '{drafted}', 1, now(), now());
             insert into golden_questions (id, workspace_id, chatbot_id, question, expected, created_at, updated_at)
                 values ('{golden}', '{w}', '{chatbot}', 'q', '{{}}', now(), now());
             insert into trial_runs (id, workspace_id, chatbot_id, kind, version, settings, conversation_id, message_id, questions_hash, created_at)
                 values ('{run}', '{w}', '{chatbot}', 'demand', 1, '{live}', '{conversation}', '{message}', '', now());
             insert into labels (id, workspace_id, name, colour) values ('{label}', '{w}', 'secret', 'red');
             insert into conversation_labels (conversation_id, label_id, workspace_id) values ('{conversation}', '{label}', '{w}');
             insert into notes (id, workspace_id, conversation_id, text) values ('{note}', '{w}', '{conversation}', 'secret of {w}');
             insert into canned_replies (id, workspace_id, name, text) values ('{canned}', '{w}', 'secret', 'secret of {w}');
             insert into trial_results (run_id, position, workspace_id, question, expected)
                 values ('{run}', 1, '{w}', 'secret of {w}', '{{}}');
             insert into one_time_tokens (token_hash, purpose, workspace_id, role, email, id, expires_at)
                 values ('\\x{invited}', 'invite', '{w}', 'agent', 'secret@{w}.test', '{invitation}', now() + interval '1 day');
             insert into sessions (id, token_hash, user_id, expires_at)
                 values ('{session}', '\\x{signed_in}', '{member}', now() + interval '1 day');
             insert into lead_stages (id, workspace_id, name, position) values ('{stage}', '{w}', 'secret stage', 9);
             insert into leads (id, workspace_id, stage_id, chatbot_id, name, created_at, updated_at)
                 values ('{lead}', '{w}', '{stage}', '{chatbot}', 'secret of {w}', now(), now()),
                        ('{other_lead}', '{w}', '{stage}', '{chatbot}', 'secret of {w}', now(), now());
             update contacts set lead_id = '{lead}' where id = '{contact}';
             insert into webhook_endpoints (id, workspace_id, url, events, secret, secret_shown, created_at, updated_at)
                 values ('{hook}', '{w}', 'https://secret.example/', '{{lead.created}}', '', 'abcd', now(), now());
             insert into webhook_events (id, workspace_id, type, body) values ('{event}', '{w}', 'lead.created', 'secret of {w}');
             insert into webhook_deliveries (id, workspace_id, endpoint_id, event_id, state)
                 values ('{delivery}', '{w}', '{hook}', '{event}', 'delivered');
             insert into data_jobs (id, workspace_id, kind, lead_id, state, blob_id, created_at)
                 values ('{job}', '{w}', 'export', '{lead}', 'done', '{blob}', now());
             insert into plans (id, name, price_minor, currency, created_at, updated_at)
                 values ('{plan}', 'plan {plan}', 100, 'EUR', now(), now());
             insert into coupons (id, code, percent, created_at) values ('{plan}', upper('{plan}'), 50, now());
             insert into subscriptions (workspace_id, plan_id, state, billing, price_minor, currency, anchor, period_start,
                                        period_end, started_at, updated_at)
                 values ('{w}', '{plan}', 'active', 'manual', 100, 'EUR', now(), now(), now() + interval '1 month', now(), now());
             insert into invoices (id, workspace_id, workspace_name, number, period_start, period_end, currency, lines,
                                   total_minor, state, issued_at, due_at)
                 values ('{invoice}', '{w}', 'Tenant', (select count(*) + 1 from invoices), now(), now(), 'EUR', '[]', 100, 'open', now(), now());
             insert into credits (id, workspace_id, currency, amount_minor, note, created_at)
                 values (gen_random_uuid(), '{w}', 'EUR', 100, 'secret', now());
             reset role"
        );
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&world.pool)
            .await
            .unwrap();
        let kept = super::quarantine::keep(
            world,
            workspace,
            chatbot.into(),
            integration.into(),
            pigeon::CANARY,
        )
        .await;
        let ids = BTreeMap::from([
            ("workspace_id", workspace.to_string()),
            ("user_id", member.to_string()),
            ("api_key_id", key.to_string()),
            ("chatbot_id", chatbot.to_string()),
            ("source_id", source.to_string()),
            ("document_id", document.to_string()),
            ("unanswered_id", unanswered.to_string()),
            ("integration_id", integration.to_string()),
            ("quarantine_id", kept.to_string()),
            ("contact_id", contact.to_string()),
            ("conversation_id", conversation.to_string()),
            ("message_id", message.to_string()),
            ("attachment_id", attachment.to_string()),
            ("dead_letter_id", letter.to_string()),
            ("golden_id", golden.to_string()),
            ("label_id", label.to_string()),
            ("note_id", note.to_string()),
            ("canned_reply_id", canned.to_string()),
            ("assignee_id", member.to_string()),
            ("run_id", run.to_string()),
            ("price_id", Uuid::now_v7().to_string()),
            ("provider_id", Uuid::now_v7().to_string()),
            ("key_id", Uuid::now_v7().to_string()),
            ("plan_id", plan.to_string()),
            ("coupon_id", plan.to_string()),
            ("invoice_id", invoice.to_string()),
            ("tool_id", tool.to_string()),
            ("mcp_server_id", server.to_string()),
            ("invitation_id", invitation.to_string()),
            ("session_id", session.to_string()),
            ("lead_id", lead.to_string()),
            ("from_lead_id", other_lead.to_string()),
            ("stage_id", stage.to_string()),
            ("assignee_id", member.to_string()),
            ("webhook_id", hook.to_string()),
            ("delivery_id", delivery.to_string()),
            ("job_id", job.to_string()),
        ]);
        Self { workspace, ids }
    }

    fn id(&self, name: &str) -> &str {
        self.ids
            .get(name)
            .unwrap_or_else(|| panic!("a route has the id {name}: give this test an example of it"))
    }

    /// Everything that the database has of this tenant.
    async fn everything(&self, world: &World) -> BTreeMap<String, Vec<String>> {
        let tables: Vec<String> = sqlx::query_scalar(
            "select table_name::text from information_schema.columns
             where table_schema = 'public' and column_name = 'workspace_id'",
        )
        .fetch_all(&world.pool)
        .await
        .unwrap();
        let mut found = BTreeMap::new();
        for table in tables {
            // `last_used_at` of keys moves by itself.
            let rows = sqlx::query(AssertSqlSafe(format!(
                "select (to_jsonb(t) - 'last_used_at')::text as row from {table} t where workspace_id = $1 order by 1"
            )))
            .bind(self.workspace.as_uuid())
            .fetch_all(&world.pool)
            .await
            .unwrap();
            found.insert(table, rows.iter().map(|row| row.get("row")).collect());
        }
        let rows: usize = found.values().map(Vec::len).sum();
        assert!(
            rows > 15,
            "the test does not see the rows: is its login a superuser?"
        );
        found
    }
}

/// One operation of the document.
struct Operation {
    name: String,
    method: Method,
    path: String,
    /// Ids in the path.
    ids: Vec<String>,
    /// Ids in the query, without cursors.
    query_ids: Vec<String>,
    /// Ids in the body.
    body_ids: Vec<String>,
    has_body: bool,
    public: bool,
}

impl Operation {
    /// Whether its answer does not end: `tests::events` follows it.
    fn is_stream(&self) -> bool {
        self.name == "events_follow"
    }
}

fn operations(world: &World) -> Vec<Operation> {
    let document: Value = serde_json::from_str(world.api.openapi()).unwrap();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().collect();
            let is_id = |schema: &Value| schema.to_string().contains("\"uuid\"");
            let named = |place: &str| {
                parameters
                    .iter()
                    .filter(|parameter| parameter["in"] == place && is_id(&parameter["schema"]))
                    .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                    .filter(|name| name != "after")
                    .collect::<Vec<_>>()
            };
            let schema = operation["requestBody"]["content"]["application/json"]["schema"].clone();
            let reference = schema.to_string();
            let body = document["components"]["schemas"]
                .as_object()
                .unwrap()
                .iter()
                .find(|(name, _)| reference.contains(&format!("#/components/schemas/{name}\"")))
                .map(|(_, schema)| schema.clone())
                .unwrap_or_default();
            let body_ids = body["properties"]
                .as_object()
                .into_iter()
                .flatten()
                // Lists of ids have tests of their own: see `tests::unanswered`. Plans are on offer to everybody.
                .filter(|(name, property)| {
                    is_id(property) && property["type"] != "array" && *name != "plan_id"
                })
                .map(|(name, _)| name.clone())
                .collect();
            found.push(Operation {
                name: operation["operationId"].as_str().unwrap().to_owned(),
                method: Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(),
                path: path.clone(),
                ids: named("path"),
                query_ids: named("query"),
                body_ids,
                has_body: operation["requestBody"].is_object(),
                public: operation["security"].as_array().unwrap().is_empty(),
            });
        }
    }
    found
}

/// A body that the operation takes.
fn body(operation: &Operation, tenant: &Tenant) -> Option<Value> {
    if !operation.has_body {
        return None;
    }
    let to = json!({"to": "+14155550123", "text": "hello"});
    Some(match operation.name.as_str() {
        "plans_create" | "plans_update" => json!({"name": "taken over", "price_minor": 0, "currency": "EUR"}),
        "coupons_create" => json!({"code": "TAKEN-OVER", "percent": 100}),
        "subscriptions_set" | "stripe_check_out" => json!({"plan_id": tenant.id("plan_id")}),
        "subscriptions_cancel" => json!({"at_once": true}),
        "subscriptions_redeem" | "usage_redeem" => json!({"code": tenant.id("plan_id")}),
        "subscriptions_give" => json!({"amount_minor": 1, "currency": "EUR", "note": "taken over"}),
        "figures_set_rates" => json!({"exchange_rates": {}}),
        "stripe_connect" => json!({"secret_key": "sk_test_taken_over", "webhook_secret": "whsec_taken_over"}),
        "workspaces_update" | "workspaces_create" => json!({"name": "taken over"}),
        "members_update" => json!({"role": "agent"}),
        "invitations_invite" => json!({"email": "new@example.test", "role": "owner"}),
        "api_keys_create" => json!({"name": "mine", "role": "owner"}),
        "chatbots_create" => json!({"name": "mine"}),
        "chatbots_update" => json!({"name": "taken over"}),
        "knowledge_set_retrieval" => json!({"top_k": 1, "threshold": 1.0}),
        "search_search" => json!({"question": "What is taken over?"}),
        "draft_save" | "again_start" => json!({"instructions": "taken over"}),
        "draft_publish" | "versions_bring_back" => json!({"note": "taken over"}),
        "golden_create" | "golden_update" => json!({"question": "taken over"}),
        "import_import" => json!([{"question": "taken over"}]),
        "transfer_import_new" | "transfer_import_draft" => {
            json!({"botsmith": 1, "chatbot": {"name": "taken over"}})
        }
        "taken_take" | "trials_start" => json!({}),
        "sources_create" => json!({"title": "mine", "text": "mine"}),
        "sources_update" => json!({"title": "taken over"}),
        "files_add" | "files_replace" | "uploaded_upload" => json!("a file's text"),
        "integrations_save" => json!({"platform": "twilio", "credentials": pigeon::good()}),
        "integrations_toggle" => json!({"enabled": false}),
        "conduct_save_handoff" => json!({"keywords": ["taken over"]}),
        "conduct_save_links" => json!({"hosts": ["taken-over.example"]}),
        "tools_create" | "tools_update" => json!({
            "name": "taken_over", "description": "d", "method": "GET", "url": "https://api.example.invalid/", "changes": false,
        }),
        "mcp_message" => json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}),
        "tools_test" => json!({"arguments": {}}),
        "servers_create" => json!({"name": "taken_over", "url": "https://mcp.example.invalid/"}),
        "servers_update" => json!({"enabled": false}),
        "leads_create" | "leads_update" => json!({"name": "taken over"}),
        "leads_merge" => json!({"from_lead_id": tenant.id("from_lead_id")}),
        "stages_save" => {
            json!({"stages": [{"name": "taken over"}, {"id": tenant.id("stage_id"), "name": "mine"}]})
        }
        "sheet_import" => json!("name\ntaken over"),
        "webhooks_create" => json!({"url": "https://crm.example.invalid/", "events": ["lead.created"]}),
        "webhooks_update" => json!({"enabled": false}),
        "webhooks_rotate" => json!({}),
        "people_set_retention" => json!({"days": 30}),
        "people_delete_chatbot" => json!({"name": "bot"}),
        "widget_save" => json!({"welcome": "taken over"}),
        "widget_save_logo" => json!("a picture"),
        "budgets_set_of_workspace" | "budgets_set_of_chatbot" | "budgets_set_of_installation" => {
            json!({"budgets": [{"period": "day", "tokens": 5000}]})
        }
        "model_providers_create" => {
            json!({"name": "taken over", "kind": "openai", "models": ["m"], "keys": []})
        }
        "model_providers_update" => json!({"name": "taken over", "models": ["m"], "enabled": true}),
        "model_providers_add_key" => json!({"name": "taken over", "key": "taken over"}),
        "model_providers_test" => json!({"model": "m"}),
        "model_order_set_order" => json!({"models": []}),
        "switches_set_switches" => {
            json!({"everybody_makes_workspaces": false, "tools": false, "mcp_servers": false})
        }
        "switches_set_notice" => json!({"text_en": "taken over"}),
        "sessions_give_code" => json!({"challenge": "x", "code": "123456"}),
        "second_factor_begin" => json!({"password": "x"}),
        "second_factor_confirm" => json!({"code": "123456"}),
        "second_factor_turn_off" | "second_factor_renew_recovery_codes" => {
            json!({"password": "x", "code": "123456"})
        }
        "impersonation_begin" => json!({"reason": "taken over"}),
        "mail_save" => json!({
            "host": "mail.example.invalid", "port": 25, "security": "none", "sender": "taken@over.example",
        }),
        "mail_test" => json!({"to": "new@example.test"}),
        "users_bring_in" => json!({"email": "new@example.test"}),
        "chatbots_pause" => json!({"reason": "taken over"}),
        "moving_transfer" => json!({"workspace_id": tenant.workspace, "reason": "taken over"}),
        "replay_replay" => json!({"from": "2020-01-01T00:00:00Z"}),
        "prices_add" => json!({"provider": "openai", "model": "m", "input_usd": 1, "output_usd": 2}),
        "unanswered_answer" => json!({
            "unanswered_ids": [tenant.id("unanswered_id")], "question": "taken over?", "answer": "taken over",
        }),
        "conversations_reply" | "notes_create" => json!({"text": "hello"}),
        "corrections_correct" => json!({"question": "taken over?", "answer": "taken over"}),
        "progress_snooze" => json!({"until": chrono::Utc::now() + chrono::Duration::hours(1)}),
        "progress_assign" => json!({"assignee_id": tenant.id("assignee_id")}),
        "labels_create" | "labels_update" => json!({"name": "taken over", "colour": "blue"}),
        "canned_replies_create" | "canned_replies_update" => json!({"name": "taken", "text": "taken over"}),
        "dead_letters_replay_matching" => json!({"from": "2020-01-01T00:00:00Z"}),
        "sending_send" | "sending_send_sms" => to,
        "sending_preview" => json!({"text": "hello"}),
        "sessions_change_password" => {
            json!({"current_password": "x", "new_password": "correct horse staple"})
        }
        other => panic!("{other} takes a body: give this test an example of it"),
    })
}

fn address(operation: &Operation, id: impl Fn(&str) -> String) -> String {
    let mut path = operation
        .path
        .replace("{platform}", "twilio")
        .replace("{number}", "1");
    for name in &operation.ids {
        path = path.replace(&format!("{{{name}}}"), &id(name));
    }
    if matches!(
        operation.name.as_str(),
        "files_add" | "files_replace" | "uploaded_upload"
    ) {
        path.push_str("?name=taken-over.txt");
    }
    path
}

async fn call(
    world: &World,
    operation: &Operation,
    path: &str,
    body: Option<Value>,
    who: &As,
) -> super::Answer {
    let request = world.request(operation.method.clone(), path, who);
    world
        .send(match body {
            // The beginning of a PNG is all that tells it.
            Some(_) if operation.name == "widget_save_logo" => {
                request.body(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec())
            }
            Some(_) if operation.name == "sheet_import" => request.body("name\ntaken over"),
            Some(body) => request.json(&body),
            None => request,
        })
        .await
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s1_another_tenants_id_in_any_place_of_any_route_is_not_found_and_changes_nothing(pool: PgPool) {
    let world = World::new(pool).await;
    let (ours, theirs) = (Tenant::new(&world).await, Tenant::new(&world).await);
    let mut callers = Vec::new();
    for role in [Role::Viewer, Role::Agent, Role::Admin, Role::Owner] {
        callers.push((role, world.person(ours.workspace, role).await.0));
        callers.push((role, world.key(ours.workspace, role).await.0));
    }
    let before = theirs.everything(&world).await;
    let mut tried = BTreeSet::new();

    for operation in operations(&world)
        .iter()
        .filter(|operation| !operation.public && !operation.ids.is_empty())
    {
        let body = body(operation, &ours);
        let mut addresses: Vec<String> = operation
            .ids
            .iter()
            .map(|foreign| {
                address(operation, |name| {
                    if name == foreign {
                        theirs.id(name)
                    } else {
                        ours.id(name)
                    }
                    .to_owned()
                })
            })
            .collect();
        addresses.push(address(operation, |name| theirs.id(name).to_owned()));
        for path in addresses {
            for (role, who) in &callers {
                let answer = call(&world, operation, &path, body.clone(), who).await;
                // Too low a role in one's own workspace is told so before the id is looked at.
                let refused = answer.status == 404 || (answer.status == 403 && *role != Role::Owner);
                let of_an_account = path.contains("/administration/") || path.starts_with("/api/session/");
                let keys_have_no_account = answer.status == 403 && matches!(who, As::Key(_)) && of_an_account;
                assert!(
                    refused || keys_have_no_account,
                    "{} {path} as {role}: {} {}",
                    operation.method,
                    answer.status,
                    answer.text
                );
                assert!(
                    !answer.text.contains(&theirs.workspace.to_string()),
                    "{path}: {}",
                    answer.text
                );
            }
        }
        tried.insert(operation.name.clone());
    }

    assert!(tried.len() > 45, "only {} routes have ids", tried.len());
    assert_eq!(
        theirs.everything(&world).await,
        before,
        "something of the other tenant was changed"
    );
}

#[sqlx::test(migrations = "../store/migrations")]
async fn s1_another_tenants_id_in_a_body_or_query_shows_and_changes_nothing(pool: PgPool) {
    let world = World::new(pool).await;
    let (ours, theirs) = (Tenant::new(&world).await, Tenant::new(&world).await);
    let (owner, _) = world.person(ours.workspace, Role::Owner).await;
    let before = theirs.everything(&world).await;
    let mut tried = 0;

    for operation in operations(&world).iter().filter(|operation| !operation.public) {
        let path = address(operation, |name| ours.id(name).to_owned());
        for name in &operation.query_ids {
            let answer = call(
                &world,
                operation,
                &format!("{path}?{name}={}", theirs.id(name)),
                None,
                &owner,
            )
            .await;
            let nothing =
                answer.status == 404 || (answer.status == 200 && answer.json()["items"] == json!([]));
            assert!(nothing, "{path}?{name}=: {}", answer.text);
            tried += 1;
        }
        for name in &operation.body_ids {
            let answer = call(
                &world,
                operation,
                &path,
                Some(json!({ name.as_str(): theirs.id(name) })),
                &owner,
            )
            .await;
            assert_eq!(answer.status, 404, "{path} with {name}: {}", answer.text);
            tried += 1;
        }
    }

    assert!(tried >= 5, "only {tried} ids in bodies and queries");
    assert_eq!(
        theirs.everything(&world).await,
        before,
        "something of the other tenant was changed"
    );
}

/// Without this the matrix would hold for an API that answers 404 to everything.
#[sqlx::test(migrations = "../store/migrations")]
async fn s1_the_same_requests_with_ones_own_ids_do_what_they_say(pool: PgPool) {
    let world = World::new(pool).await;

    for operation in operations(&world) {
        // Each has a test of its own: of a source of pairs, a session (a person's and no workspace's), an archived chatbot,
        // and pages of Stripe.
        let has_none = [
            "pairs_table",
            "open_sessions_end",
            "people_delete_chatbot",
            "stripe_check_out",
            "stripe_portal",
        ]
        .contains(&operation.name.as_str());
        if operation.public
            || operation.ids.is_empty()
            || operation.path.contains("/administration/")
            || has_none
            || operation.is_stream()
        {
            continue;
        }
        let tenant = Tenant::new(&world).await;
        let (owner, _) = world.person(tenant.workspace, Role::Owner).await;
        let path = address(&operation, |name| tenant.id(name).to_owned());

        let answer = call(&world, &operation, &path, body(&operation, &tenant), &owner).await;

        assert!(
            answer.status.is_success(),
            "{} {path}: {} {}",
            operation.method,
            answer.status,
            answer.text
        );
    }
}

/// Cursors of another tenant move the page, and never show what is theirs.
#[sqlx::test(migrations = "../store/migrations")]
async fn s1_lists_show_ones_own_items_only(pool: PgPool) {
    let world = World::new(pool).await;
    let (ours, theirs) = (Tenant::new(&world).await, Tenant::new(&world).await);
    let (owner, _) = world.person(ours.workspace, Role::Owner).await;
    let mut lists = 0;

    for operation in operations(&world)
        .iter()
        .filter(|operation| operation.method == Method::GET && !operation.public && !operation.is_stream())
    {
        let path = address(operation, |name| ours.id(name).to_owned());
        let answer = call(&world, operation, &path, None, &owner).await;
        if answer.status == 200 && answer.text.starts_with("{\"items\"") {
            lists += 1;
            for (name, id) in &theirs.ids {
                assert!(
                    !answer.text.contains(id.as_str()),
                    "{path} shows the other tenant's {name}"
                );
            }
        }
    }

    assert!(lists >= 10, "only {lists} lists");
}

#[sqlx::test(migrations = "../store/migrations")]
async fn an_administrator_of_the_installation_sees_the_list_of_workspaces_and_nothing_in_them(pool: PgPool) {
    let world = World::new(pool).await;
    let (administrator, own) = world.administrator().await;
    let tenant = Tenant::new(&world).await;

    let listed = world
        .get("/api/administration/workspaces", &administrator)
        .await
        .ok(200);
    let chatbot = world
        .get(
            &format!("/api/chatbots/{}", tenant.id("chatbot_id")),
            &administrator,
        )
        .await;

    let names: Vec<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect();
    assert_eq!(names, [own.to_string(), tenant.workspace.to_string()]);
    assert_eq!(listed["items"][1]["chatbots"], 1);
    chatbot.problem(404);
}
