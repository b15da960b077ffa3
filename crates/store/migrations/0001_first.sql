-- The first schema. Times are timestamptz, ids are UUIDv7, states are the words of crates/domain/src/state.rs.
--
-- Two roles, neither of which bypasses row-level security:
--   botsmith_tenant  what one workspace's people and keys may touch; the workspace is set per transaction
--   botsmith_system  intake, workers, senders, scheduler, sign-in: across workspaces, by policy
-- Every service sets its role when it connects; the login role itself is only used to migrate.

do $$
declare
    role_name text;
begin
    foreach role_name in array array['botsmith_tenant', 'botsmith_system'] loop
        begin
            if not exists (select from pg_roles where rolname = role_name) then
                execute format('create role %I nologin', role_name);
            end if;
            if not pg_has_role(current_user, role_name, 'member') then
                execute format('grant %I to current_user', role_name);
            end if;
        exception
            -- Another database of the same server is being migrated at this moment.
            when duplicate_object or unique_violation then null;
            when insufficient_privilege then
                raise exception 'the database user % may not create roles. As a superuser run: create role %; grant % to %;',
                    current_user, role_name, role_name, current_user;
        end;
    end loop;
end
$$;

grant usage on schema public to botsmith_tenant, botsmith_system;

-- People and tenants ------------------------------------------------------------------------------------------------

create table installation (
    key text primary key,
    value jsonb not null
);

create table workspaces (
    id uuid primary key,
    name text not null,
    created_at timestamptz not null default now()
);

create table users (
    id uuid primary key,
    email text not null,
    name text not null default '',
    -- Argon2id in PHC form; null until the person has chosen one.
    password_hash text,
    is_administrator boolean not null default false,
    disabled_at timestamptz,
    created_at timestamptz not null default now(),
    last_sign_in_at timestamptz,
    last_sign_in_ip text
);
create unique index users_email on users (lower(email));

create table memberships (
    workspace_id uuid not null references workspaces on delete cascade,
    user_id uuid not null references users on delete cascade,
    role text not null check (role in ('viewer', 'agent', 'admin', 'owner')),
    created_at timestamptz not null default now(),
    primary key (workspace_id, user_id)
);
create index memberships_user on memberships (user_id);

create table sessions (
    id uuid primary key,
    token_hash bytea not null unique,
    user_id uuid not null references users on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    last_used_at timestamptz not null default now(),
    ip text,
    user_agent text
);
create index sessions_user on sessions (user_id);

-- Set-up, invitation and password-reset links. Single use; only the hash is kept.
create table one_time_tokens (
    token_hash bytea primary key,
    purpose text not null check (purpose in ('setup', 'invite', 'reset')),
    user_id uuid references users on delete cascade,
    workspace_id uuid references workspaces on delete cascade,
    role text check (role in ('viewer', 'agent', 'admin', 'owner')),
    email text,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);

-- Failed sign-ins, per account and per address.
create table sign_in_failures (
    subject text primary key,
    failures int not null,
    last_at timestamptz not null
);

create table api_keys (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    name text not null,
    -- What is shown: the first characters of the key.
    prefix text not null,
    key_hash bytea not null unique,
    role text not null check (role in ('viewer', 'agent', 'admin', 'owner')),
    created_by uuid references users on delete set null,
    created_at timestamptz not null default now(),
    last_used_at timestamptz,
    revoked_at timestamptz
);
create index api_keys_workspace on api_keys (workspace_id);

-- A workspace's data key, wrapped by the master key `master_key_id`.
create table data_keys (
    workspace_id uuid primary key references workspaces on delete cascade,
    master_key_id text not null,
    wrapped bytea not null,
    created_at timestamptz not null default now(),
    rewrapped_at timestamptz
);

create table activity_log (
    id uuid primary key,
    workspace_id uuid references workspaces on delete cascade,
    user_id uuid,
    api_key_id uuid,
    action text not null,
    target text,
    details jsonb not null default '{}',
    ip text,
    request_id text,
    at timestamptz not null default now()
);
create index activity_log_workspace on activity_log (workspace_id, at desc);

-- Answers to requests that carried an Idempotency-Key, so that a repeat hears the same and does nothing.
create table idempotency_keys (
    -- The person or the API key that sent it.
    caller uuid not null,
    key text not null,
    -- Where the request did its work; null for what belongs to no workspace.
    workspace_id uuid references workspaces on delete cascade,
    -- Method, path and body: the same key with another request is an error.
    request_hash bytea not null,
    -- Null while the first request is under way.
    status int,
    -- The answer's body, sealed where there is a workspace: an answer may hold a secret that is shown once.
    body bytea,
    created_at timestamptz not null default now(),
    primary key (caller, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);

-- Chatbots and what they know ---------------------------------------------------------------------------------------

create table chatbots (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    name text not null,
    instructions text not null default '',
    -- What the bot says when its knowledge has no answer.
    fallback_text text not null,
    -- Model endpoint: null means the extractive answerer. {"base_url", "model", "time_limit_seconds"}
    model jsonb,
    -- Sealed key of that endpoint.
    model_key bytea,
    -- Bumped by every change, so that caches can tell.
    version bigint not null default 1,
    -- Bumped when its chunks change.
    knowledge_version bigint not null default 0,
    -- A bot's answer older than this is not sent any more.
    max_answer_age_seconds int not null default 3600,
    archived_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index chatbots_workspace on chatbots (workspace_id, id);

create table sources (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    kind text not null check (kind in ('text', 'qa')),
    title text not null,
    -- text: {"text": "…"}; qa: {"pairs": [{"question": "…", "answer": "…"}]}
    content jsonb not null,
    state text not null default 'pending' check (state in ('pending', 'indexing', 'ready', 'failed')),
    error text,
    attempts int not null default 0,
    -- Bumped by every change of the content.
    version bigint not null default 1,
    indexed_version bigint not null default 0,
    due_at timestamptz not null default now(),
    lease_token uuid,
    lease_until timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index sources_chatbot on sources (chatbot_id, id);
create index sources_due on sources (due_at) where state in ('pending', 'indexing');

create table documents (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    source_id uuid not null references sources on delete cascade,
    title text not null,
    content_hash bytea not null,
    created_at timestamptz not null default now()
);
create index documents_source on documents (source_id);
create index documents_chatbot on documents (chatbot_id);

create table chunks (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    document_id uuid not null references documents on delete cascade,
    position int not null,
    -- Headings above the passage, outermost first, joined by " > ".
    heading text not null default '',
    text text not null,
    -- Of a question-and-answer pair: the question; `text` is then the answer.
    question text,
    embedding bytea,
    embedding_model text,
    -- The chatbot's knowledge_version that brought it.
    since_version bigint not null
);
create index chunks_chatbot on chunks (chatbot_id, id);
create index chunks_document on chunks (document_id);

-- Channels ----------------------------------------------------------------------------------------------------------

create table integrations (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    platform text not null,
    -- The account on the platform, as its webhooks name it.
    account text not null,
    display_name text not null default '',
    enabled boolean not null default true,
    state text not null default 'pending' check (state in ('pending', 'connected', 'error')),
    state_reason text,
    -- Sealed JSON of the platform's credentials.
    credentials bytea not null,
    -- What may be shown of them: {"account_sid": "AC…1234", "auth_token": "••••abcd"}
    credentials_shown jsonb not null,
    version bigint not null default 1,
    -- Pace: a token bucket and a pause, shared by all senders.
    sends_per_second double precision not null default 10,
    tokens double precision not null default 1,
    tokens_at timestamptz not null default now(),
    paused_until timestamptz,
    served_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (chatbot_id, platform)
);
create index integrations_workspace on integrations (workspace_id, id);

create table integration_logs (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    integration_id uuid not null references integrations on delete cascade,
    at timestamptz not null default now(),
    level text not null check (level in ('info', 'warning', 'error')),
    -- A stable name: webhook.refused, send.rejected, check.failed …
    event text not null,
    -- For the owner's eyes; no secret and no message text.
    message text not null,
    details jsonb not null default '{}'
);
create index integration_logs_integration on integration_logs (integration_id, id desc);

-- Conversations -----------------------------------------------------------------------------------------------------

create table contacts (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    integration_id uuid not null references integrations on delete cascade,
    -- The person, as the platform names them.
    key text not null,
    name text,
    opted_out_at timestamptz,
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    unique (integration_id, key)
);

create table conversations (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    integration_id uuid not null references integrations on delete cascade,
    contact_id uuid not null references contacts on delete cascade,
    key text not null,
    handler text not null default 'bot' check (handler in ('bot', 'human')),
    -- When its waiting messages are to be answered; null when none waits. A conversation with a waiting message and
    -- no due_at would wait for ever: intake sets it with the message, and only the commit of a turn clears it.
    due_at timestamptz,
    -- When the oldest of them came: settling may not postpone the answer for ever.
    waiting_since timestamptz,
    -- A turn has it in hand. A new token at every claim, so a lost lease matches no row.
    lease_token uuid,
    lease_until timestamptz,
    -- The newest message from the contact; a turn releases only what it has seen.
    last_inbound uuid,
    last_inbound_at timestamptz,
    -- Position of the next part to be sent.
    next_position bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (integration_id, key)
);
create index conversations_list on conversations (workspace_id, id desc);
create index conversations_chatbot on conversations (chatbot_id, id desc);
create index conversations_contact on conversations (contact_id);
-- What may be claimed, by tenant: the fair claim jumps from one workspace to the next along this index.
create index conversations_due on conversations (workspace_id, due_at) where due_at is not null and lease_token is null;
create index conversations_leased on conversations (workspace_id, lease_until) where lease_token is not null;

-- When each workspace was last given a turn: the least recently served goes first.
create table workspace_turns (
    workspace_id uuid primary key references workspaces on delete cascade,
    served_at timestamptz not null
);

create table messages (
    -- Made when the message was accepted, so it sorts by arrival.
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    conversation_id uuid not null references conversations on delete cascade,
    direction text not null check (direction in ('inbound', 'outbound')),
    -- Outbound: who wrote it.
    sender text check (sender in ('bot', 'agent', 'api')),
    -- Inbound: what became of it. Outbound: null, its parts tell.
    state text check (state in ('waiting', 'answering', 'answered', 'for_human', 'suppressed', 'expired', 'dead')),
    text text not null,
    -- Inbound: the platform's id and its own sequence where it has one.
    dedupe_key text,
    order_key bigint,
    -- Inbound: sealed, what the platform needs to answer it.
    reply_to bytea,
    -- Inbound: the record of the answer it belongs to. Outbound by the bot: its own record.
    answer_id uuid,
    attempts int not null default 0,
    traceparent text,
    error text,
    sent_at timestamptz,
    accepted_at timestamptz not null,
    stored_at timestamptz not null default now(),
    answered_at timestamptz
);
create index messages_conversation on messages (conversation_id, id);
create index messages_waiting on messages (conversation_id) where state in ('waiting', 'answering');
create index messages_answer on messages (answer_id) where answer_id is not null;

-- The platform-sized parts of outbound messages: what senders work on.
create table parts (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    integration_id uuid not null references integrations on delete cascade,
    conversation_id uuid not null references conversations on delete cascade,
    message_id uuid not null references messages on delete cascade,
    platform text not null,
    -- Order within the conversation: a part goes only when every earlier one is settled.
    position bigint not null,
    sender text not null check (sender in ('bot', 'agent', 'api')),
    -- {"text": "…", "media": ["https://…"]}
    content jsonb not null,
    -- The inbound message it answers, which keeps what the platform needs to be answered.
    reply_to_message_id uuid references messages on delete set null,
    state text not null default 'queued' check (state in
        ('queued', 'sending', 'uncertain', 'parked', 'sent', 'failed', 'delivered', 'read', 'expired', 'cancelled', 'dead')),
    due_at timestamptz not null,
    expires_at timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    attempts int not null default 0,
    first_attempt_at timestamptz,
    -- Sent once more after an unknown outcome: it may have arrived twice.
    resent boolean not null default false,
    -- Replayed out of the dead letters.
    late boolean not null default false,
    platform_message_id text,
    segments int,
    error text,
    error_code text,
    traceparent text,
    created_at timestamptz not null default now(),
    sent_at timestamptz,
    settled_at timestamptz,
    delivered_at timestamptz,
    read_at timestamptz,
    unique (conversation_id, position)
);
create index parts_message on parts (message_id);
-- What may be claimed, by integration: the fair claim jumps from one integration to the next along this index.
create index parts_due on parts (platform, integration_id, due_at) where state in ('queued', 'uncertain');
create index parts_sending on parts (integration_id, lease_until) where state = 'sending';
create index parts_parked on parts (integration_id) where state = 'parked';
create index parts_unsettled on parts (conversation_id, position) where state in ('queued', 'sending', 'uncertain', 'parked');
create index parts_platform_message on parts (integration_id, platform_message_id) where platform_message_id is not null;
create index parts_settled on parts (integration_id, settled_at);

-- Every call to a platform: when, and how it ended.
create table attempts (
    id bigint generated always as identity primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    part_id uuid not null references parts on delete cascade,
    started_at timestamptz not null,
    ended_at timestamptz not null default now(),
    outcome text not null,
    detail text
);
create index attempts_part on attempts (part_id);

-- A status that came before its send was recorded.
create table pending_statuses (
    workspace_id uuid not null references workspaces on delete cascade,
    integration_id uuid not null references integrations on delete cascade,
    platform_message_id text not null,
    state text not null,
    error text,
    received_at timestamptz not null default now(),
    primary key (integration_id, platform_message_id)
);

-- Messages we have taken in, for good: chatbot, platform, SHA-256 of account and the platform's message id. No foreign
-- key: a deleted and reconnected integration must not answer an old message again.
create table seen (
    chatbot_id uuid not null,
    platform text not null,
    hash bytea not null,
    seen_at timestamptz not null default now(),
    primary key (chatbot_id, platform, hash)
);
create index seen_age on seen (seen_at);

create table blobs (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    content_type text not null,
    bytes bigint not null,
    created_at timestamptz not null default now()
);

-- The bytes, in pieces of 1 MiB at most.
create table blob_pieces (
    workspace_id uuid not null references workspaces on delete cascade,
    blob_id uuid not null references blobs on delete cascade,
    position int not null,
    bytes bytea not null,
    primary key (blob_id, position)
);

create table attachments (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    integration_id uuid not null references integrations on delete cascade,
    message_id uuid not null references messages on delete cascade,
    position int not null,
    url text not null,
    content_type text not null,
    state text not null default 'pending' check (state in ('pending', 'stored', 'refused')),
    blob_id uuid references blobs on delete set null,
    error text,
    attempts int not null default 0,
    due_at timestamptz not null default now(),
    lease_token uuid,
    lease_until timestamptz
);
create index attachments_message on attachments (message_id);
create index attachments_due on attachments (due_at) where state = 'pending';

-- How each answer of a bot came to be.
create table answers (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    conversation_id uuid not null references conversations on delete cascade,
    question text not null,
    -- [{"chunk", "document", "title", "score", "text"}], best first
    passages jsonb not null,
    -- [{"chunk", "document", "title"}]
    citations jsonb not null,
    model text not null,
    fallback text,
    prompt_version int not null,
    tokens_in int,
    tokens_out int,
    -- Milliseconds of each stage: {"retrieve", "model"}
    stages jsonb not null,
    error text,
    created_at timestamptz not null default now()
);
create index answers_chatbot on answers (chatbot_id, id desc);

create table unanswered (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    conversation_id uuid not null references conversations on delete cascade,
    answer_id uuid not null references answers on delete cascade,
    question text not null,
    created_at timestamptz not null default now(),
    resolved_at timestamptz
);
create index unanswered_chatbot on unanswered (chatbot_id, id desc) where resolved_at is null;

-- What could not be processed or delivered, with its reason. No workspace: a message nobody could read.
create table dead_letters (
    id uuid primary key,
    workspace_id uuid references workspaces on delete cascade,
    integration_id uuid references integrations on delete cascade,
    -- part: a reply that was not delivered; otherwise the queue the message came from.
    kind text not null,
    part_id uuid references parts on delete cascade,
    message_id uuid references messages on delete cascade,
    -- The bytes of a queue message.
    payload bytea,
    reason text not null,
    may_have_arrived boolean not null default false,
    created_at timestamptz not null default now(),
    replayed_at timestamptz,
    discarded_at timestamptz
);
create index dead_letters_open on dead_letters (workspace_id, id desc) where replayed_at is null and discarded_at is null;
create index dead_letters_part on dead_letters (part_id);

-- Who may see what --------------------------------------------------------------------------------------------------

-- Row-level security is forced on every table, the login role included: without a policy there is no row.
do $$
declare
    t record;
begin
    for t in
        select c.relname, exists (
            select from pg_attribute a where a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
        ) as has_workspace
        from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> '_sqlx_migrations'
    loop
        execute format('alter table %I enable row level security', t.relname);
        execute format('alter table %I force row level security', t.relname);
        execute format('grant select, insert, update, delete on %I to botsmith_system', t.relname);
        execute format('create policy system on %I to botsmith_system using (true) with check (true)', t.relname);
        if t.has_workspace and t.relname not in ('one_time_tokens', 'data_keys', 'workspace_turns') then
            execute format('grant select, insert, update, delete on %I to botsmith_tenant', t.relname);
            execute format($p$
                create policy tenant on %I to botsmith_tenant
                using (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid)
                with check (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid)
            $p$, t.relname);
        end if;
    end loop;
end
$$;

-- A workspace sees itself, its members' accounts and its own data key.
grant select, update on workspaces to botsmith_tenant;
create policy tenant on workspaces to botsmith_tenant
    using (id = nullif(current_setting('botsmith.workspace', true), '')::uuid)
    with check (id = nullif(current_setting('botsmith.workspace', true), '')::uuid);
grant select (id, email, name, disabled_at, created_at, last_sign_in_at) on users to botsmith_tenant;
create policy tenant on users for select to botsmith_tenant
    using (exists (select from memberships m where m.user_id = users.id));
grant select on data_keys to botsmith_tenant;
create policy tenant on data_keys for select to botsmith_tenant
    using (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid);
