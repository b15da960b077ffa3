-- What a bot may do beside answering: hand over to a human, call tools, pass links on.

-- Per chatbot; without a row everything is as at first.
create table conduct (
    chatbot_id uuid primary key references chatbots on delete cascade,
    workspace_id uuid not null references workspaces on delete cascade,
    -- As store::conduct::HandoffRules has them.
    handoff jsonb not null default '{}',
    -- Silence after which a human's conversation goes back to the bot; null: it does not by itself.
    hand_back_minutes int check (hand_back_minutes > 0),
    -- Hosts to which the bot's answers may link, as the owner wrote them.
    link_hosts text[] not null default '{}',
    updated_at timestamptz not null default now()
);

-- The same for every query that gives a conversation to a human.
create function hand_back_after(chatbot uuid) returns interval language sql stable as $$
    select make_interval(mins => case when c.chatbot_id is null then 60 else c.hand_back_minutes end)
    from (select) one left join conduct c on c.chatbot_id = $1
$$;

alter table conversations
    -- Why a human has it: 'requested', 'keyword', 'unanswered' or 'agent'; null while the bot has it.
    add column handoff_reason text check (handoff_reason in ('requested', 'keyword', 'unanswered', 'agent')),
    -- The owner's words that were found.
    add column handoff_detail text,
    add column handed_off_at timestamptz,
    -- The message with which the bot handed over: the one that it may still send.
    add column handoff_message_id uuid,
    -- When it goes back to the bot by itself: moved on by every message that a human writes.
    add column hand_back_at timestamptz;
create index conversations_hand_back on conversations (hand_back_at) where hand_back_at is not null;
create index conversations_human on conversations (workspace_id, id desc) where handler = 'human';

-- HTTP actions that an owner gave a bot.
create table tools (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    -- As models know it.
    name text not null,
    enabled boolean not null default true,
    -- As tools::HttpAction has it, without the values of secret headers.
    definition jsonb not null,
    -- Those, sealed: {"Authorization": "Bearer …"}.
    secrets bytea,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (chatbot_id, name)
);

-- MCP servers whose tools are a bot's too.
create table mcp_servers (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    -- Its tools are called this, and then their own name.
    name text not null,
    url text not null,
    enabled boolean not null default true,
    -- Names of the headers, each with what may be shown of its value.
    headers jsonb not null default '{}',
    -- Their values, sealed.
    secrets bytea,
    -- As the server listed them: [{"name", "description", "parameters", "changes"}].
    tools jsonb not null default '[]',
    -- What the owner allowed: {"<name>": {"confirm": true}}.
    allowed jsonb not null default '{}',
    -- Why it was not reached when it was last asked.
    error text,
    listed_at timestamptz,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (chatbot_id, name)
);

-- Calls that change something, from the question to the person up to their outcome. The id is the key by which the
-- other side knows a repeat, so that a worker which dies between the call and the commit does nothing twice.
create table tool_calls (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null,
    conversation_id uuid not null references conversations on delete cascade,
    -- As models know it.
    tool text not null,
    arguments jsonb not null,
    -- What the person was asked, to be answered with yes or no.
    question text not null,
    -- asked, then declined or lapsed, or running and done.
    state text not null default 'asked' check (state in ('asked', 'declined', 'lapsed', 'running', 'done')),
    -- How it went, as the answer's record has it.
    outcome jsonb,
    asked_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz
);
-- A person is asked one thing at a time.
create unique index tool_calls_open on tool_calls (conversation_id) where state in ('asked', 'running');
create index tool_calls_conversation on tool_calls (conversation_id, id desc);

-- Every call of a tool on the way to the answer:
-- [{"id", "tool", "arguments", "state", "status", "milliseconds", "error"}].
alter table answers
    add column calls jsonb not null default '[]',
    -- Hosts to which it would have linked, and may not.
    add column removed_links text[] not null default '{}';

do $$
declare
    t text;
begin
    foreach t in array array['conduct', 'tools', 'mcp_servers', 'tool_calls'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('grant select, insert, update, delete on %I to botsmith_system, botsmith_tenant', t);
        execute format('create policy system on %I to botsmith_system using (true) with check (true)', t);
        execute format($p$
            create policy tenant on %I to botsmith_tenant
            using (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid)
            with check (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid)
        $p$, t);
    end loop;
end
$$;
