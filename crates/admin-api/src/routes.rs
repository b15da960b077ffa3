//! The table of all routes: what there is, and who may use it. What is not here is not served.
//!
//! The first address that fits is taken, so fixed ones stand before those with parameters. Tests walk this table: without
//! a login nothing but the open routes answers, and no route shows one tenant another's.

use crate::{
    activity,
    administration::{
        self, activity as installation_activity, chatbots as all_chatbots,
        conversations as all_conversations, leads, overview, replay as all_dead_letters, system, users,
    },
    again, analytics, api_keys, attachments, budgets, chatbots, conduct, conversations, dead_letters,
    golden::{self, import, taken},
    integrations, knowledge, mcp, members, openapi, pages, platforms, prices, quarantine,
    route::{
        Access::{self, Administrator, Known, Public, SignedIn},
        Route,
    },
    search, sending, sessions, setup, sources,
    sources::{files, pairs, reading},
    tools,
    tools::servers,
    transfer, trials, unanswered, uploaded,
    versions::{self, changes, draft},
    webhooks::{self, deliveries},
    widget, workspaces,
};
use domain::Role;

const VIEWER: Access = Access::Member(Role::Viewer);
const AGENT: Access = Access::Member(Role::Agent);
const ADMIN: Access = Access::Member(Role::Admin);
const OWNER: Access = Access::Member(Role::Owner);

/// Names a handler once: its description bears the handler's name.
macro_rules! route {
    ($access:expr, $subject:ident :: $handler:ident as $description:ident) => {
        Route::of::<$subject::$description, _, _>($access, $subject::$handler)
    };
}

pub(crate) fn table() -> Vec<Route> {
    vec![
        // Reading about the API.
        route!(Public, openapi::openapi_json as __path_openapi_json),
        route!(Public, pages::docs as __path_docs),
        route!(Public, pages::docs_js as __path_docs_js),
        route!(Public, pages::pages_css as __path_pages_css),
        route!(Public, pages::link as __path_link),
        route!(Public, pages::link_js as __path_link_js),
        // Coming in.
        route!(Public, setup::state as __path_state),
        route!(Public, setup::set_up as __path_set_up),
        route!(Public, setup::reset_password as __path_reset_password),
        route!(Public, sessions::sign_in as __path_sign_in),
        route!(SignedIn, sessions::me as __path_me),
        route!(SignedIn, sessions::sign_out as __path_sign_out),
        route!(SignedIn, sessions::change_password as __path_change_password),
        route!(Public, members::accept as __path_accept),
        // The installation.
        route!(Administrator, administration::workspaces as __path_workspaces),
        route!(Administrator, overview::overview as __path_overview),
        route!(Administrator, users::users as __path_users),
        route!(Administrator, users::bring_in as __path_bring_in),
        route!(Administrator, users::user as __path_user),
        route!(Administrator, users::disable as __path_disable),
        route!(Administrator, users::enable as __path_enable),
        route!(Administrator, users::new_link as __path_new_link),
        route!(Administrator, users::end_sessions as __path_end_sessions),
        route!(
            Administrator,
            users::require_password_change as __path_require_password_change
        ),
        route!(
            Administrator,
            all_chatbots::chatbots_everywhere as __path_chatbots_everywhere
        ),
        route!(Administrator, all_chatbots::pause as __path_pause),
        route!(Administrator, all_chatbots::resume as __path_resume),
        route!(
            Administrator,
            all_conversations::conversations_everywhere as __path_conversations_everywhere
        ),
        route!(Administrator, all_conversations::read as __path_read),
        route!(Administrator, leads::leads as __path_leads),
        route!(Administrator, leads::erase as __path_erase),
        route!(
            Administrator,
            installation_activity::everywhere as __path_everywhere
        ),
        route!(
            Administrator,
            installation_activity::activity_table as __path_activity_table
        ),
        route!(Administrator, system::system as __path_system),
        route!(Administrator, system::latency as __path_latency),
        route!(Administrator, administration::queues as __path_queues),
        route!(Administrator, administration::dead_letters as __path_dead_letters),
        route!(Administrator, all_dead_letters::open as __path_open),
        route!(Administrator, all_dead_letters::replay as __path_replay),
        route!(Administrator, knowledge::installed as __path_installed),
        route!(Administrator, budgets::of_installation as __path_of_installation),
        route!(
            Administrator,
            budgets::set_of_installation as __path_set_of_installation
        ),
        route!(Administrator, prices::list as __path_list),
        route!(Administrator, prices::add as __path_add),
        route!(Administrator, prices::delete as __path_delete),
        route!(Known, platforms::list as __path_list),
        // Workspaces and who belongs to them.
        route!(SignedIn, workspaces::list as __path_list),
        route!(SignedIn, workspaces::create as __path_create),
        route!(VIEWER, workspaces::get as __path_get),
        route!(OWNER, workspaces::update as __path_update),
        route!(VIEWER, members::list as __path_list),
        route!(OWNER, members::update as __path_update),
        route!(OWNER, members::remove as __path_remove),
        route!(OWNER, members::invite as __path_invite),
        route!(OWNER, api_keys::list as __path_list),
        route!(OWNER, api_keys::create as __path_create),
        route!(OWNER, api_keys::revoke as __path_revoke),
        route!(ADMIN, activity::list as __path_list),
        route!(VIEWER, budgets::of_workspace as __path_of_workspace),
        route!(OWNER, budgets::set_of_workspace as __path_set_of_workspace),
        // What other programs are told.
        route!(ADMIN, webhooks::list as __path_list),
        route!(ADMIN, webhooks::create as __path_create),
        route!(ADMIN, webhooks::get as __path_get),
        route!(ADMIN, webhooks::update as __path_update),
        route!(ADMIN, webhooks::delete as __path_delete),
        route!(ADMIN, webhooks::rotate as __path_rotate),
        route!(ADMIN, deliveries::send_test as __path_send_test),
        route!(ADMIN, deliveries::deliveries as __path_deliveries),
        route!(ADMIN, deliveries::send_again as __path_send_again),
        // Chatbots and what they know.
        route!(VIEWER, chatbots::list as __path_list),
        route!(ADMIN, chatbots::create as __path_create),
        route!(VIEWER, chatbots::get as __path_get),
        route!(ADMIN, chatbots::update as __path_update),
        route!(ADMIN, chatbots::archive as __path_archive),
        route!(ADMIN, chatbots::restore as __path_restore),
        route!(VIEWER, conduct::handoff as __path_handoff),
        route!(ADMIN, conduct::save_handoff as __path_save_handoff),
        route!(VIEWER, conduct::links as __path_links),
        route!(ADMIN, conduct::save_links as __path_save_links),
        route!(VIEWER, knowledge::state as __path_state),
        route!(VIEWER, knowledge::retrieval as __path_retrieval),
        route!(ADMIN, knowledge::set_retrieval as __path_set_retrieval),
        route!(VIEWER, search::search as __path_search),
        route!(VIEWER, budgets::of_chatbot as __path_of_chatbot),
        route!(ADMIN, budgets::set_of_chatbot as __path_set_of_chatbot),
        route!(AGENT, uploaded::upload as __path_upload),
        route!(VIEWER, sources::list as __path_list),
        route!(ADMIN, sources::create as __path_create),
        route!(VIEWER, sources::get as __path_get),
        route!(ADMIN, sources::update as __path_update),
        route!(ADMIN, sources::delete as __path_delete),
        route!(ADMIN, sources::retry as __path_retry),
        route!(ADMIN, files::add as __path_add),
        route!(ADMIN, files::replace as __path_replace),
        route!(VIEWER, files::download as __path_download),
        route!(VIEWER, pairs::table as __path_table),
        route!(VIEWER, reading::documents as __path_documents),
        route!(VIEWER, reading::passages as __path_passages),
        route!(VIEWER, reading::pages as __path_pages),
        route!(ADMIN, reading::refresh as __path_refresh),
        route!(VIEWER, unanswered::list as __path_list),
        route!(VIEWER, unanswered::groups as __path_groups),
        route!(AGENT, unanswered::answer as __path_answer),
        route!(AGENT, unanswered::resolve as __path_resolve),
        route!(VIEWER, mcp::message as __path_message),
        route!(VIEWER, tools::list as __path_list),
        route!(ADMIN, tools::create as __path_create),
        route!(VIEWER, tools::get as __path_get),
        route!(ADMIN, tools::update as __path_update),
        route!(ADMIN, tools::delete as __path_delete),
        route!(ADMIN, tools::test as __path_test),
        route!(VIEWER, servers::list as __path_list),
        route!(ADMIN, servers::create as __path_create),
        route!(ADMIN, servers::update as __path_update),
        route!(ADMIN, servers::delete as __path_delete),
        route!(ADMIN, servers::refresh as __path_refresh),
        // What it did, does and is to do, and how well.
        route!(VIEWER, versions::list as __path_list),
        route!(VIEWER, versions::get as __path_get),
        route!(VIEWER, changes::compare as __path_compare),
        route!(ADMIN, versions::bring_back as __path_bring_back),
        route!(VIEWER, draft::get as __path_get),
        route!(ADMIN, draft::save as __path_save),
        route!(ADMIN, draft::delete as __path_delete),
        route!(ADMIN, draft::publish as __path_publish),
        route!(VIEWER, golden::list as __path_list),
        route!(ADMIN, golden::create as __path_create),
        route!(ADMIN, import::import as __path_import),
        route!(ADMIN, golden::update as __path_update),
        route!(ADMIN, golden::delete as __path_delete),
        route!(VIEWER, trials::list as __path_list),
        route!(ADMIN, trials::start as __path_start),
        route!(VIEWER, trials::get as __path_get),
        route!(VIEWER, trials::results as __path_results),
        route!(ADMIN, trials::cancel as __path_cancel),
        route!(ADMIN, transfer::export as __path_export),
        route!(ADMIN, transfer::import_new as __path_import_new),
        route!(ADMIN, transfer::import_draft as __path_import_draft),
        // The widget.
        route!(VIEWER, widget::get as __path_get),
        route!(ADMIN, widget::save as __path_save),
        route!(ADMIN, widget::save_logo as __path_save_logo),
        route!(ADMIN, widget::delete_logo as __path_delete_logo),
        route!(VIEWER, widget::snippet as __path_snippet),
        // Integrations.
        route!(VIEWER, integrations::list as __path_list),
        route!(ADMIN, integrations::save as __path_save),
        route!(VIEWER, integrations::logs as __path_logs),
        route!(VIEWER, quarantine::list as __path_list),
        route!(ADMIN, quarantine::check as __path_check),
        route!(ADMIN, quarantine::replay as __path_replay),
        route!(ADMIN, quarantine::discard as __path_discard),
        route!(ADMIN, integrations::toggle as __path_toggle),
        route!(ADMIN, integrations::test as __path_test),
        route!(ADMIN, integrations::connect as __path_connect),
        route!(VIEWER, integrations::webhook as __path_webhook),
        route!(VIEWER, integrations::number as __path_number),
        route!(VIEWER, integrations::stats as __path_stats),
        route!(ADMIN, integrations::delete as __path_delete),
        // What happens.
        route!(VIEWER, analytics::get as __path_get),
        route!(VIEWER, analytics::csv as __path_csv),
        // Conversations.
        route!(VIEWER, conversations::list as __path_list),
        route!(VIEWER, conversations::get as __path_get),
        route!(VIEWER, conversations::messages as __path_messages),
        route!(VIEWER, conversations::message as __path_message),
        route!(ADMIN, taken::take as __path_take),
        route!(ADMIN, again::start as __path_start),
        route!(VIEWER, again::get as __path_get),
        route!(VIEWER, attachments::download as __path_download),
        route!(AGENT, conversations::take_over as __path_take_over),
        route!(AGENT, conversations::hand_back as __path_hand_back),
        route!(AGENT, conversations::reply as __path_reply),
        // What went wrong.
        route!(VIEWER, dead_letters::list as __path_list),
        route!(ADMIN, dead_letters::replay_matching as __path_replay_matching),
        route!(ADMIN, dead_letters::replay_one as __path_replay_one),
        route!(ADMIN, dead_letters::discard as __path_discard),
        // Sending. Last: these addresses begin with a parameter.
        route!(AGENT, sending::send_sms as __path_send_sms),
        route!(AGENT, sending::send as __path_send),
        route!(VIEWER, sending::preview as __path_preview),
        route!(AGENT, sending::templates as __path_templates),
        route!(VIEWER, platforms::instructions as __path_instructions),
    ]
}
