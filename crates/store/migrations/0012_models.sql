-- What models cost, and how much of it may be spent.

alter table answers
    -- The models that were asked, in their order: [{"provider", "model", "outcome", "detail", "milliseconds",
    -- "tokens_in", "tokens_out", "cost_micros"}]; empty where none was.
    add column path jsonb not null default '[]',
    -- Of all of them together, in millionths of a US dollar; null where a price was not known.
    add column cost_micros bigint;

-- Of the installation. What a model costs is what its newest row says whose day has come.
create table model_prices (
    id uuid primary key,
    provider text not null,
    -- A name, or the beginning of names with an asterisk behind it.
    model text not null,
    valid_from date not null,
    -- Millionths of a US dollar for a million tokens.
    input_micros bigint not null check (input_micros >= 0),
    output_micros bigint not null check (output_micros >= 0),
    unique (provider, model, valid_from)
);

create table budgets (
    id uuid primary key,
    -- Null: of the installation.
    workspace_id uuid references workspaces on delete cascade,
    chatbot_id uuid references chatbots on delete cascade,
    -- visitor: each visitor of the chatbot has as much.
    scope text not null check (scope in ('installation', 'workspace', 'chatbot', 'visitor')),
    period text not null check (period in ('day', 'month')),
    tokens bigint check (tokens > 0),
    cost_micros bigint check (cost_micros > 0),
    -- What is said when it is used up: the best passage, or the chatbot's own words.
    at_limit text not null check (at_limit in ('quote', 'fallback_text')),
    check (tokens is not null or cost_micros is not null),
    check ((scope = 'installation') = (workspace_id is null)),
    check ((scope in ('chatbot', 'visitor')) = (chatbot_id is not null)),
    unique nulls not distinct (workspace_id, chatbot_id, scope, period)
);

-- What was spent of a budget in a day or month, and what calls under way may yet spend.
create table budget_usage (
    budget_id uuid not null references budgets on delete cascade,
    -- The visitor; nobody for the other scopes.
    subject uuid not null,
    since timestamptz not null,
    workspace_id uuid references workspaces on delete cascade,
    spent_tokens bigint not null default 0,
    spent_micros bigint not null default 0,
    reserved_tokens bigint not null default 0,
    reserved_micros bigint not null default 0,
    primary key (budget_id, subject, since)
);

-- What a call under way may spend. One that is never settled counts as spent when it expires: the provider may have
-- billed it.
create table budget_reservations (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    budgets uuid[] not null,
    subjects uuid[] not null,
    since timestamptz[] not null,
    tokens bigint not null,
    micros bigint not null,
    expires_at timestamptz not null
);
create index budget_reservations_expiry on budget_reservations (expires_at);

do $$
declare
    t text;
begin
    foreach t in array array['model_prices', 'budgets', 'budget_usage', 'budget_reservations'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('grant select, insert, update, delete on %I to botsmith_system', t);
        execute format('create policy system on %I to botsmith_system using (true) with check (true)', t);
    end loop;
    foreach t in array array['budgets', 'budget_usage', 'budget_reservations'] loop
        execute format('grant select, insert, update, delete on %I to botsmith_tenant', t);
        execute format('create policy tenant on %I to botsmith_tenant
            using (workspace_id = nullif(current_setting(''botsmith.workspace'', true), '''')::uuid)
            with check (workspace_id = nullif(current_setting(''botsmith.workspace'', true), '''')::uuid)', t);
    end loop;
end $$;

-- As the providers listed them then. The administrator keeps the list.
insert into model_prices (id, provider, model, valid_from, input_micros, output_micros)
select gen_random_uuid(), provider, model, '2025-11-01', round(input * 1000000), round(output * 1000000)
from (values
    ('openai', 'gpt-5', 1.25, 10.00),
    ('openai', 'gpt-5-mini*', 0.25, 2.00),
    ('openai', 'gpt-5-nano*', 0.05, 0.40),
    ('openai', 'gpt-4.1', 2.00, 8.00),
    ('openai', 'gpt-4.1-mini*', 0.40, 1.60),
    ('openai', 'gpt-4.1-nano*', 0.10, 0.40),
    ('openai', 'gpt-4o', 2.50, 10.00),
    ('openai', 'gpt-4o-mini*', 0.15, 0.60),
    ('anthropic', 'claude-opus-4-5*', 5.00, 25.00),
    ('anthropic', 'claude-sonnet-4-5*', 3.00, 15.00),
    ('anthropic', 'claude-haiku-4-5*', 1.00, 5.00),
    ('gemini', 'gemini-2.5-pro', 1.25, 10.00),
    ('gemini', 'gemini-2.5-flash', 0.30, 2.50),
    ('gemini', 'gemini-2.5-flash-lite*', 0.10, 0.40),
    ('ollama', '*', 0, 0)
) as listed (provider, model, input, output);
