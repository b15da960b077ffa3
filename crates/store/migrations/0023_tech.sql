-- What administrators of an installation set beside its configuration file: providers of models, the order of models, and
-- what keys of the API may touch.

-- Providers of models. Their keys are sealed for the installation itself.
create table model_providers (
    id uuid primary key,
    name text not null unique,
    -- As models::Provider has it.
    kind text not null,
    -- Empty: where the provider's API usually is.
    base_url text not null default '',
    models text[] not null default '{}',
    enabled boolean not null default true,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table model_provider_keys (
    id uuid primary key,
    provider_id uuid not null references model_providers on delete cascade,
    name text not null,
    sealed bytea not null,
    created_at timestamptz not null,
    unique (provider_id, name)
);

-- The models of chatbots that name none, in the order in which they are asked; empty: as the configuration file has them.
create table installation_models (
    position int primary key,
    -- Null: of the configuration file.
    provider_id uuid references model_providers on delete cascade,
    kind text not null,
    model text not null,
    -- How many tokens it takes; null: as many as the installation's prompts and answers.
    context_tokens int check (context_tokens > 0)
);

-- Whoever asks models looks at this number, and reads the rest only when it has grown.
insert into installation (key, value) values ('models_version', '1') on conflict (key) do nothing;
create function models_changed() returns trigger language plpgsql as $$
begin
    update installation set value = to_jsonb((value #>> '{}')::bigint + 1) where key = 'models_version';
    return null;
end
$$;
create trigger models_changed after insert or update or delete on model_providers
    for each statement execute function models_changed();
create trigger models_changed after insert or update or delete on model_provider_keys
    for each statement execute function models_changed();
create trigger models_changed after insert or update or delete on installation_models
    for each statement execute function models_changed();

do $$
declare
    t text;
begin
    foreach t in array array['model_providers', 'model_provider_keys', 'installation_models'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('grant select, insert, update, delete on %I to botsmith_system', t);
        execute format('create policy system on %I to botsmith_system using (true) with check (true)', t);
    end loop;
end
$$;

-- What a key of the API may touch, beside its role: null is everything that the role may.
alter table api_keys
    add column read_only boolean not null default false,
    add column areas text[];
