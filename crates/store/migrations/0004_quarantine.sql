-- Webhooks that could not be verified and that name the account of the integration they were sent to: kept for their
-- owner, who mends the settings, has them verified again and replays them once.

create table quarantine (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    integration_id uuid not null references integrations on delete cascade,
    -- Which of our addresses it was sent to.
    kind text not null check (kind in ('inbound', 'shared', 'status')),
    received_at timestamptz not null,
    -- Bytes of the webhook, as it came.
    size int not null,
    -- Why it was not verified, when it was last tried: a stable word, and the same for its owner.
    cause text not null,
    words text not null,
    state text not null default 'kept' check (state in ('kept', 'replayed', 'discarded')),
    -- Method, address, headers and body, sealed for this row; gone with the state `kept`.
    sealed bytea,
    -- When its owner last had it verified again, and whether it was.
    checked_at timestamptz,
    acceptable boolean,
    settled_at timestamptz,
    check ((state = 'kept') = (sealed is not null))
);
create index quarantine_integration on quarantine (integration_id, id desc);
create index quarantine_age on quarantine (received_at);

alter table quarantine enable row level security;
alter table quarantine force row level security;
grant select, insert, update, delete on quarantine to botsmith_system, botsmith_tenant;
create policy system on quarantine to botsmith_system using (true) with check (true);
create policy tenant on quarantine to botsmith_tenant
    using (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid)
    with check (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid);
