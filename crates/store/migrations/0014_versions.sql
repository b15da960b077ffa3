-- Versions of what a chatbot does, the questions by which they are judged, and how they did.

-- The version that answers: what it says stands in the chatbot's row, so that a worker reads no more than before.
alter table chatbots add column live_version bigint not null default 1;

create table chatbot_versions (
    chatbot_id uuid not null references chatbots on delete cascade,
    number bigint not null,
    workspace_id uuid not null references workspaces on delete cascade,
    -- As store::versions::Behaviour has it, without keys.
    settings jsonb not null,
    -- checking: its questions are being asked; live: it answers; retired: it did; refused: it would have made it worse;
    -- superseded: another was wanted before it was checked.
    state text not null check (state in ('checking', 'live', 'retired', 'refused', 'superseded')),
    -- The older version that it brings back.
    from_number bigint,
    note text not null default '',
    user_id uuid,
    api_key_id uuid,
    -- The run that judges it.
    run_id uuid,
    -- Why it went live whatever its run says.
    override_reason text,
    -- Why it was refused, as store::trials::Worse has it.
    worse jsonb,
    created_at timestamptz not null,
    live_at timestamptz,
    primary key (chatbot_id, number)
);
create unique index chatbot_versions_live on chatbot_versions (chatbot_id) where state = 'live';
create unique index chatbot_versions_checking on chatbot_versions (chatbot_id) where state = 'checking';

-- What a version says is written once.
create function keep_version() returns trigger language plpgsql as $$
begin
    if (new.chatbot_id, new.number, new.settings, new.from_number, new.note, new.user_id, new.api_key_id, new.created_at)
        is distinct from
       (old.chatbot_id, old.number, old.settings, old.from_number, old.note, old.user_id, old.api_key_id, old.created_at)
    then
        raise exception 'a version never changes';
    end if;
    return new;
end
$$;
create trigger keep_version before update on chatbot_versions for each row execute function keep_version();

-- What is being worked on, beside what is live.
create table chatbot_drafts (
    chatbot_id uuid primary key references chatbots on delete cascade,
    workspace_id uuid not null references workspaces on delete cascade,
    settings jsonb not null,
    -- The sealed keys of its models, by place.
    keys jsonb not null default '{}',
    -- The version that was live when it was begun.
    base_number bigint not null,
    user_id uuid,
    api_key_id uuid,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- Sealed keys of models that a version has used, by place, so that an older version finds its key again. One that was
-- taken away is gone.
create table model_keys (
    chatbot_id uuid not null references chatbots on delete cascade,
    workspace_id uuid not null references workspaces on delete cascade,
    -- The address for which it was given, or the id of a fallback model.
    place text not null,
    sealed text not null,
    primary key (chatbot_id, place)
);

-- Questions with what is expected of an answer.
create table golden_questions (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    question text not null,
    -- As store::golden::Expected has it.
    expected jsonb not null,
    -- The message that it was taken from.
    message_id uuid,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index golden_questions_text on golden_questions (chatbot_id, md5(question));
create index golden_questions_chatbot on golden_questions (chatbot_id, id);

-- A set of questions, asked of one version.
create table trial_runs (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    -- demand: somebody wanted to know; publish: a version waits for it; baseline: what a publish run is compared with;
    -- again: one message, answered once more.
    kind text not null check (kind in ('demand', 'publish', 'baseline', 'again')),
    -- The version that is tried; null: what never was one.
    version bigint,
    settings jsonb not null,
    -- Sealed keys of its models, by place; emptied when it ends.
    keys jsonb not null default '{}',
    -- The run that has to be done before.
    baseline_id uuid references trial_runs on delete set null,
    -- Again: what is answered.
    conversation_id uuid references conversations on delete cascade,
    message_id uuid references messages on delete cascade,
    state text not null default 'due' check (state in ('due', 'running', 'done', 'failed', 'cancelled')),
    error text,
    -- The knowledge and the questions that it was made with: only runs of the same are compared.
    knowledge_version bigint,
    questions_hash text not null,
    -- How many passages an answer might rest on.
    k int,
    -- Of a run that is done, as store::trials::Scores has it.
    scores jsonb,
    attempts int not null default 0,
    due_at timestamptz not null default now(),
    lease_token uuid,
    lease_until timestamptz,
    user_id uuid,
    api_key_id uuid,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz
);
create index trial_runs_due on trial_runs (due_at) where state in ('due', 'running');
create index trial_runs_chatbot on trial_runs (chatbot_id, id desc);

create table trial_results (
    run_id uuid not null references trial_runs on delete cascade,
    position int not null,
    workspace_id uuid not null references workspaces on delete cascade,
    question_id uuid,
    question text not null,
    expected jsonb not null,
    -- Null until it is answered.
    done_at timestamptz,
    -- Where what had to be found stood, from 1; null: nowhere, or nothing had to.
    rank int,
    passed boolean,
    refused boolean,
    -- What was not as expected, in words.
    failures jsonb not null default '[]',
    answer text,
    -- How the answer came to be, as an answer's record has it.
    record jsonb,
    primary key (run_id, position)
);

do $$
declare
    t text;
begin
    foreach t in array array['chatbot_versions', 'chatbot_drafts', 'model_keys', 'golden_questions', 'trial_runs', 'trial_results'] loop
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
