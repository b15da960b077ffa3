-- The widget's settings, and what visitors say of themselves before they write.

create table widgets (
    chatbot_id uuid primary key references chatbots on delete cascade,
    workspace_id uuid not null references workspaces on delete cascade,
    -- As store::widgets::WidgetSettings has them.
    settings jsonb not null default '{}',
    -- A picture of 256 KiB at most; its type is what its bytes are, its hash names this version of it.
    logo bytea check (length(logo) <= 262144),
    logo_type text check (logo_type in ('image/png', 'image/jpeg', 'image/webp')),
    logo_hash text,
    updated_at timestamptz not null default now(),
    check ((logo is null) = (logo_type is null) and (logo is null) = (logo_hash is null))
);
alter table widgets enable row level security;
alter table widgets force row level security;
grant select, insert, update, delete on widgets to botsmith_system, botsmith_tenant;
create policy system on widgets to botsmith_system using (true) with check (true);
create policy tenant on widgets to botsmith_tenant
    using (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid)
    with check (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid);

-- A contact is a lead once they have said something of themselves.
alter table contacts
    add column email text,
    add column phone text,
    -- Everything else that was asked: {"company": "Fern & Kettle"}.
    add column fields jsonb not null default '{}',
    -- When they ticked the box, where there was one.
    add column consented_at timestamptz,
    -- When they first said it.
    add column lead_at timestamptz;
create index contacts_leads on contacts (workspace_id, lead_at desc) where lead_at is not null;
