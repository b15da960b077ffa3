-- Answers that are shown while they are being written, on platforms where a message that was sent can be changed. A row
-- is there before the platform is called, so that nothing half written is ever forgotten: it becomes the first part of
-- the answer, or it is withdrawn.
create table drafts (
    -- What the platform is given as the part's id. No part ever has it: what is sent in place of a draft is never taken
    -- for the draft.
    id uuid primary key,
    workspace_id uuid not null,
    integration_id uuid not null,
    conversation_id uuid not null references conversations on delete cascade,
    platform text not null,
    -- The inbound message it answers, which keeps what the platform needs to be answered.
    reply_to_message_id uuid references messages on delete set null,
    -- writing: a turn shows it. tied: it is the first part of an answer, which has still to be brought there. shown: the
    -- answer stands there. withdrawing: no answer will. withdrawn: it is gone. lost: it cannot be found or withdrawn.
    state text not null default 'writing' check (state in
        ('writing', 'tied', 'shown', 'withdrawing', 'withdrawn', 'lost')),
    part_id uuid,
    -- What was last handed to the platform.
    content jsonb not null,
    -- How often.
    versions int not null default 1,
    platform_message_id text,
    first_called_at timestamptz not null,
    called_at timestamptz not null,
    -- Withdrawing: when it is tried next, how often it was, and by whom it is now.
    due_at timestamptz not null,
    attempts int not null default 0,
    lease_until timestamptz,
    error text
);
create unique index drafts_writing on drafts (conversation_id) where state = 'writing';
create unique index drafts_part on drafts (part_id) where part_id is not null;
create index drafts_conversation on drafts (conversation_id);
create index drafts_unsettled on drafts (platform, due_at) where state in ('writing', 'tied', 'withdrawing');
create index drafts_platform_message on drafts (integration_id, platform_message_id) where platform_message_id is not null;

alter table drafts enable row level security;
alter table drafts force row level security;
grant select, insert, update, delete on drafts to botsmith_system, botsmith_tenant;
create policy system on drafts to botsmith_system using (true) with check (true);
create policy tenant on drafts to botsmith_tenant
    using (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid)
    with check (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid);
