-- The chat API: programs and visitors' browsers read what we write, where other platforms have it sent to them.

-- What can be read of a conversation, numbered in the order in which it could first be read: who has read up to a number
-- has missed nothing before it. A message has its id before it is stored, so ids cannot promise that.
alter table conversations add column entries bigint not null default 0;

create table chat_entries (
    conversation_id uuid not null references conversations on delete cascade,
    number bigint not null,
    workspace_id uuid not null,
    message_id uuid not null references messages on delete cascade,
    -- Of what we wrote: the part that can be read.
    part_id uuid unique,
    primary key (conversation_id, number)
);
create index chat_entries_message on chat_entries (message_id);

-- Files that were uploaded to go with a message. What goes with none is forgotten after a day.
create table chat_files (
    blob_id uuid primary key references blobs on delete cascade,
    workspace_id uuid not null,
    integration_id uuid not null references integrations on delete cascade,
    -- Who uploaded it, and alone may send it.
    contact_key text not null,
    name text not null,
    created_at timestamptz not null default now()
);
create index chat_files_contact on chat_files (integration_id, contact_key, created_at);
create index chat_files_age on chat_files (created_at);
create index attachments_blob on attachments (blob_id) where blob_id is not null;

do $$
declare
    t text;
begin
    foreach t in array array['chat_entries', 'chat_files'] loop
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
