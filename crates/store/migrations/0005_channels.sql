-- What platforms beyond SMS need.

alter table integrations
    -- Whether the platform calls us, or we hold a connection to it.
    add column mode text not null default 'webhook' check (mode in ('webhook', 'connection')),
    -- Held connection: by whom, and until when at most; a new token at every claim. What it needs to go on.
    add column listener_token uuid,
    add column listener_until timestamptz,
    add column listener_due_at timestamptz not null default now(),
    add column resume jsonb,
    -- The least time between two messages to one conversation.
    add column conversation_gap_ms int not null default 0,
    -- When the platform is next asked whether it still calls us, whether the credentials are to be renewed, and up to
    -- which time what it has of people's messages is known to have been taken in.
    add column health_due_at timestamptz not null default now(),
    add column refreshed_at timestamptz,
    add column backfilled_to timestamptz not null default now(),
    -- An answer may be shown while it is being written.
    add column streaming boolean not null default false;
create index integrations_account on integrations (platform, account);
create index integrations_health on integrations (health_due_at);
create index integrations_listening on integrations (platform, listener_due_at) where mode = 'connection';

alter table messages
    -- Inbound: the value of the button that was pressed. Outbound: [{"title", "value"}], what could be pressed.
    add column choice text,
    add column buttons jsonb;

alter table attachments add column name text;
