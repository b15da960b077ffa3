-- Accounts: a second factor at sign-in, browsers one can see and end, mail, and administrators who act as somebody.

-- The installation has a data key of its own, for secrets that belong to no workspace. It bears the nil id.
alter table data_keys
    drop constraint data_keys_workspace_id_fkey,
    add column owner_id uuid generated always as (nullif(workspace_id, '00000000-0000-0000-0000-000000000000')) stored
        references workspaces on delete cascade;
create index data_keys_owner on data_keys (owner_id);

-- The language that the person last signed in with: mails are written in it.
alter table users add column language text check (language in ('en', 'de'));

-- The second factor: time-based codes (RFC 6238). Not confirmed yet: it is being set up and asked of nobody.
create table second_factors (
    user_id uuid primary key references users on delete cascade,
    -- Sealed for the installation.
    secret bytea not null,
    created_at timestamptz not null,
    confirmed_at timestamptz,
    -- The time step of the last code that was used: only a later one counts, so that no code works twice.
    last_step bigint not null default 0
);

-- What stands in for a code when the device is lost. Single use; only the hash is kept.
create table recovery_codes (
    user_id uuid not null references users on delete cascade,
    code_hash bytea not null,
    used_at timestamptz,
    primary key (user_id, code_hash)
);

-- Administrators who act as somebody else, for support.
create table impersonations (
    id uuid primary key,
    administrator_id uuid not null references users on delete cascade,
    user_id uuid not null references users on delete cascade,
    reason text not null,
    began_at timestamptz not null,
    ends_at timestamptz not null,
    ended_at timestamptz,
    -- The administrator's own session: they come back to it, and without it this one ends.
    session_id uuid references sessions on delete set null
);
create index impersonations_open on impersonations (ends_at) where ended_at is null;
alter table sessions add column impersonation_id uuid references impersonations on delete cascade;
create index sessions_impersonation on sessions (impersonation_id) where impersonation_id is not null;

-- A sign-in that waits for its code is one more kind of thing that works once. Invitations are listed: they have an id,
-- and somebody who sent them.
alter table one_time_tokens
    drop constraint one_time_tokens_purpose_check,
    add constraint one_time_tokens_purpose_check check (purpose in ('setup', 'invite', 'reset', 'sign_in')),
    add column id uuid not null default gen_random_uuid(),
    add column created_by uuid references users on delete set null;
create unique index one_time_tokens_id on one_time_tokens (id);
create index one_time_tokens_invitations on one_time_tokens (workspace_id, id) where purpose = 'invite' and used_at is null;

-- How mail is sent; no row: not at all.
create table mail_settings (
    only_one boolean primary key default true check (only_one),
    host text not null,
    port int not null check (port between 1 and 65535),
    -- tls: from the first byte; starttls: after a greeting, or not at all; none: in clear.
    security text not null check (security in ('tls', 'starttls', 'none')),
    username text,
    -- Sealed for the installation.
    password bytea,
    -- name <address@example.com>
    sender text not null,
    updated_at timestamptz not null
);

-- Mails to be sent, written in the transaction of what they tell of. There is no token in them: the link of a mail is made
-- when it is sent, so that nobody finds one here.
create table mails (
    id uuid primary key,
    kind text not null check (kind in ('invitation', 'reset')),
    recipient text not null,
    language text not null check (language in ('en', 'de')),
    -- Of an invitation: which. Gone or used: there is nothing to send any more.
    invitation_id uuid,
    state text not null default 'queued' check (state in ('queued', 'sent', 'failed')),
    attempts int not null default 0,
    created_at timestamptz not null,
    -- When it is tried next. Whoever takes it in hand sets it to when somebody else may.
    due_at timestamptz not null,
    settled_at timestamptz,
    error text
);
create index mails_due on mails (due_at) where state = 'queued';
create index mails_settled on mails (settled_at) where state <> 'queued';

do $$
declare
    t text;
begin
    foreach t in array array['second_factors', 'recovery_codes', 'impersonations', 'mail_settings', 'mails'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('grant select, insert, update, delete on %I to botsmith_system', t);
        execute format('create policy system on %I to botsmith_system using (true) with check (true)', t);
    end loop;
end
$$;
