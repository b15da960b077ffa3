-- Files that agents and programs upload to be sent. What no message takes along is forgotten after a day.
create table outbound_files (
    blob_id uuid primary key references blobs on delete cascade,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    name text not null,
    -- When a message first took it along.
    referenced_at timestamptz,
    created_at timestamptz not null default now()
);
create index outbound_files_chatbot on outbound_files (chatbot_id);
create index outbound_files_age on outbound_files (created_at) where referenced_at is null;

alter table outbound_files enable row level security;
alter table outbound_files force row level security;
grant select, insert, update, delete on outbound_files to botsmith_system, botsmith_tenant;
create policy system on outbound_files to botsmith_system using (true) with check (true);
create policy tenant on outbound_files to botsmith_tenant
    using (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid)
    with check (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid);
