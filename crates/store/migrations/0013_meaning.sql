-- What passages mean, and how a chatbot's knowledge is searched.

-- Vectors of passages, by model. A table of their own: while a new model's are made, the old model's still serve. The two
-- columns that stood for them held one model's only, and nothing was ever written to them.
create table chunk_vectors (
    chunk_id uuid not null references chunks on delete cascade,
    -- The model's identity: only vectors of the same can be compared.
    model text not null,
    workspace_id uuid not null,
    chatbot_id uuid not null,
    -- 32-bit floats, little-endian, of length 1.
    vector bytea not null,
    primary key (chunk_id, model)
);
-- Whole models go at once.
create index chunk_vectors_chatbot on chunk_vectors (chatbot_id, model);
alter table chunks drop column embedding, drop column embedding_model;

-- How far a chatbot's vectors are. Without a row: nothing was looked at yet.
create table meanings (
    chatbot_id uuid primary key references chatbots on delete cascade,
    workspace_id uuid not null references workspaces on delete cascade,
    -- Whose vectors are made.
    wanted text not null,
    -- Whose vectors questions are compared with; null: search goes by words alone.
    serving text,
    -- Every passage of this version of the knowledge has a vector of this model.
    done_model text,
    done_version bigint not null default 0,
    -- Why the last attempt failed, and how many did in a row.
    error text,
    failures int not null default 0,
    due_at timestamptz not null default now(),
    lease_token uuid,
    lease_until timestamptz
);

-- What an owner set of a chatbot's search; null: as usual.
create table retrieval_settings (
    chatbot_id uuid primary key references chatbots on delete cascade,
    workspace_id uuid not null references workspaces on delete cascade,
    -- Passages that an answer may rest on.
    top_k int check (top_k between 1 and 20),
    -- Below this the chatbot rather says that it does not know.
    threshold real check (threshold between 0 and 1),
    -- How much meaning counts against words.
    dense_weight real check (dense_weight between 0 and 1),
    updated_at timestamptz not null default now()
);

do $$
declare
    t text;
begin
    foreach t in array array['chunk_vectors', 'meanings', 'retrieval_settings'] loop
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
