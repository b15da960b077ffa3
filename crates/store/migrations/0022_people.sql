-- Whom a workspace talks to: leads, what it tells other programs of them, and forgetting them.

-- A UUIDv7 (RFC 9562 section 5.7) of this moment: what the database makes up itself sorts as what programs make.
create function new_id() returns uuid language sql volatile parallel safe as $$
    select encode(
        set_byte(
            overlay(random placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
            6, (get_byte(random, 6) & 15) | 112
        ), 'hex')::uuid
    from (select uuid_send(gen_random_uuid()) as random) made_up
$$;

-- Leads ---------------------------------------------------------------------------------------------------------------

-- The steps from the first word to a customer, in their order. A default one is named by its word: new, contacted, …
create table lead_stages (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    name text not null,
    position int not null,
    unique (workspace_id, position) deferrable initially deferred
);
create unique index lead_stages_name on lead_stages (workspace_id, lower(name));

create function first_stages() returns trigger language plpgsql as $$
begin
    insert into lead_stages (id, workspace_id, name, position)
    select new_id(), new.id, name, position
    from unnest(array['new', 'contacted', 'qualified', 'won', 'lost']) with ordinality as stage (name, position);
    return null;
end
$$;
create trigger first_stages after insert on workspaces for each row execute function first_stages();

create table leads (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    stage_id uuid not null references lead_stages,
    assignee uuid references users on delete set null,
    -- Where they first said something; null: they were brought in a file, or their chatbot is gone.
    chatbot_id uuid references chatbots on delete set null,
    name text,
    email text,
    phone text,
    fields jsonb not null default '{}',
    consented_at timestamptz,
    -- The words that they agreed to.
    consent_text text,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index leads_newest on leads (workspace_id, id desc);
create index leads_stage on leads (stage_id);
create index leads_assignee on leads (assignee) where assignee is not null;
create index leads_chatbot on leads (chatbot_id) where chatbot_id is not null;
create index leads_email on leads (workspace_id, lower(email)) where email is not null;
-- People write a number in many ways: its digits are what is compared.
create index leads_phone on leads (workspace_id, regexp_replace(phone, '\D', '', 'g')) where phone is not null;

-- A lead has a contact on every channel on which the person writes.
alter table contacts
    add column lead_id uuid references leads on delete set null,
    add column consent_text text;
create index contacts_lead on contacts (lead_id) where lead_id is not null;

-- Event webhooks ------------------------------------------------------------------------------------------------------

-- Where a workspace's events are sent to, as Standard Webhooks has it.
create table webhook_endpoints (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    url text not null,
    description text not null default '',
    events text[] not null,
    -- Nothing is sent while it is off. Its owner switched it off, or we did: then `disabled_reason` says why.
    enabled boolean not null default true,
    disabled_reason text,
    -- Sealed. While the older one holds too, both sign.
    secret bytea not null,
    previous_secret bytea,
    previous_until timestamptz,
    -- The last characters, for recognising it.
    secret_shown text not null,
    -- The first failure since it last took something.
    failing_since timestamptz,
    -- One delivery was given up since then.
    gave_up boolean not null default false,
    last_success_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    check ((previous_secret is null) = (previous_until is null))
);
create index webhook_endpoints_workspace on webhook_endpoints (workspace_id, id desc);

-- What happened, in the words that are sent: written in the transaction in which it happened, and only where somebody wants
-- to hear of it.
create table webhook_events (
    id uuid primary key,
    workspace_id uuid not null,
    type text not null,
    body text not null,
    -- Whom it is about, so that it is forgotten with them.
    conversation_id uuid,
    contact_id uuid,
    lead_id uuid,
    chatbot_id uuid,
    created_at timestamptz not null default now()
);
create index webhook_events_conversation on webhook_events (conversation_id) where conversation_id is not null;
create index webhook_events_contact on webhook_events (contact_id) where contact_id is not null;
create index webhook_events_lead on webhook_events (lead_id) where lead_id is not null;

create table webhook_deliveries (
    id uuid primary key,
    workspace_id uuid not null,
    endpoint_id uuid not null references webhook_endpoints on delete cascade,
    event_id uuid not null references webhook_events on delete cascade,
    state text not null default 'due' check (state in ('due', 'delivered', 'failed')),
    due_at timestamptz not null default now(),
    lease_token uuid,
    lease_until timestamptz,
    attempts int not null default 0,
    -- The newest last: [{"at", "status", "error", "milliseconds", "response"}].
    tries jsonb not null default '[]',
    settled_at timestamptz,
    created_at timestamptz not null default now()
);
create index webhook_deliveries_due on webhook_deliveries (endpoint_id, due_at) where state = 'due';
create index webhook_deliveries_endpoint on webhook_deliveries (endpoint_id, id desc);
create index webhook_deliveries_event on webhook_deliveries (event_id);
create index webhook_events_age on webhook_events (created_at);

-- As JSON has times.
create function json_time(moment timestamptz) returns text language sql immutable strict parallel safe as $$
    select to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

create function is_heard(workspace uuid, kind text) returns boolean language sql stable parallel safe as $$
    select exists (select from webhook_endpoints where workspace_id = workspace and enabled and kind = any(events))
$$;

create function note_event(
    workspace uuid, kind text, data jsonb, conversation uuid, contact uuid, lead uuid, chatbot uuid
) returns void language plpgsql as $$
declare
    event uuid := new_id();
begin
    insert into webhook_events (id, workspace_id, type, body, conversation_id, contact_id, lead_id, chatbot_id)
    values (event, workspace, kind,
            jsonb_build_object('type', kind, 'timestamp', json_time(now()),
                               'data', jsonb_build_object('workspace_id', workspace) || data)::text,
            conversation, contact, lead, chatbot);
    insert into webhook_deliveries (id, workspace_id, endpoint_id, event_id)
    select new_id(), workspace, e.id, event from webhook_endpoints e
    where e.workspace_id = workspace and e.enabled and kind = any(e.events);
end
$$;

-- What is said of a conversation in its events.
create function event_conversation(conversation uuid) returns jsonb language sql stable as $$
    select jsonb_build_object(
        'conversation_id', v.id, 'chatbot_id', v.chatbot_id, 'integration_id', v.integration_id, 'platform', i.platform,
        'contact', jsonb_build_object('id', c.id, 'name', c.name, 'lead_id', c.lead_id)
    )
    from conversations v join integrations i on i.id = v.integration_id join contacts c on c.id = v.contact_id
    where v.id = conversation
$$;

create function note_message() returns trigger language plpgsql as $$
declare
    kind text := case new.direction when 'inbound' then 'message.received' else 'message.sent' end;
    v conversations;
begin
    if is_heard(new.workspace_id, kind) then
        select * into v from conversations where id = new.conversation_id;
        perform note_event(
            new.workspace_id, kind,
            coalesce(event_conversation(new.conversation_id), '{}') || jsonb_build_object(
                'message_id', new.id, 'text', new.text, 'sender', coalesce(new.sender, 'contact'),
                'at', json_time(coalesce(new.sent_at, new.accepted_at))),
            new.conversation_id, v.contact_id, null, v.chatbot_id);
    end if;
    return null;
end
$$;
create trigger note_message after insert on messages for each row execute function note_message();

create function note_handoff() returns trigger language plpgsql as $$
begin
    if is_heard(new.workspace_id, 'conversation.handoff') then
        perform note_event(
            new.workspace_id, 'conversation.handoff',
            event_conversation(new.id) || jsonb_build_object('reason', new.handoff_reason, 'detail', new.handoff_detail),
            new.id, new.contact_id, null, new.chatbot_id);
    end if;
    return null;
end
$$;
create trigger note_handoff after update of handler on conversations for each row
    when (old.handler = 'bot' and new.handler = 'human') execute function note_handoff();

create function note_integration_error() returns trigger language plpgsql as $$
begin
    if is_heard(new.workspace_id, 'integration.error') then
        perform note_event(
            new.workspace_id, 'integration.error',
            jsonb_build_object('integration_id', new.id, 'chatbot_id', new.chatbot_id, 'platform', new.platform,
                               'display_name', new.display_name, 'reason', new.state_reason),
            null, null, null, new.chatbot_id);
    end if;
    return null;
end
$$;
create trigger note_integration_error after update of state on integrations for each row
    when (old.state <> 'error' and new.state = 'error') execute function note_integration_error();

create function note_lead() returns trigger language plpgsql as $$
declare
    kind text := case tg_op when 'INSERT' then 'lead.created' else 'lead.updated' end;
begin
    if is_heard(new.workspace_id, kind) then
        perform note_event(
            new.workspace_id, kind,
            jsonb_build_object(
                'lead_id', new.id, 'name', new.name, 'email', new.email, 'phone', new.phone, 'fields', new.fields,
                'stage', (select name from lead_stages where id = new.stage_id), 'assignee', new.assignee,
                'chatbot_id', new.chatbot_id, 'consented_at', json_time(new.consented_at),
                'consent_text', new.consent_text, 'created_at', json_time(new.created_at)),
            null, null, new.id, new.chatbot_id);
    end if;
    return null;
end
$$;
create trigger note_new_lead after insert on leads for each row execute function note_lead();
create trigger note_changed_lead after update on leads for each row
    when ((old.name, old.email, old.phone, old.fields, old.stage_id, old.assignee, old.consented_at)
          is distinct from (new.name, new.email, new.phone, new.fields, new.stage_id, new.assignee, new.consented_at))
    execute function note_lead();

-- Forgetting ----------------------------------------------------------------------------------------------------------

-- Conversations whose newest message is older than this are erased; null: they are kept.
alter table chatbots add column retention_days int check (retention_days between 1 and 3650);

-- A chatbot that is being deleted for good: nobody brings it back.
alter table chatbots add column deleting_at timestamptz;

-- What is deleted is looked up from everything that refers to it.
create index answers_conversation on answers (conversation_id);
create index unanswered_answer on unanswered (answer_id);
create index dead_letters_message on dead_letters (message_id) where message_id is not null;
create index dead_letters_integration on dead_letters (integration_id) where integration_id is not null;
create index trial_runs_conversation on trial_runs (conversation_id) where conversation_id is not null;
create index trial_runs_message on trial_runs (message_id) where message_id is not null;
create index pages_document on pages (document_id) where document_id is not null;
-- What is answered is of the same conversation and goes with it: nothing is left to be looked up at every message.
alter table parts drop constraint parts_reply_to_message_id_fkey;
alter table drafts drop constraint drafts_reply_to_message_id_fkey;

-- Work on a person's data or on a whole chatbot that takes its time, and the receipt for it.
create table data_jobs (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    kind text not null check (kind in ('export', 'erase', 'delete_chatbot')),
    -- What it is about. No foreign key: the receipt outlives them.
    lead_id uuid,
    contact_id uuid,
    chatbot_id uuid,
    state text not null default 'due' check (state in ('due', 'running', 'done', 'failed')),
    -- What has been found or erased up to now, by kind of thing: {"messages": 12}. No personal data.
    counts jsonb not null default '{}',
    -- SHA-256 of what names the person, so that a receipt can be matched with a request and tells nothing else.
    subject_hash bytea,
    error text,
    -- Of an export: the file, until it is forgotten.
    blob_id uuid references blobs on delete set null,
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
create index data_jobs_workspace on data_jobs (workspace_id, id desc);
create index data_jobs_due on data_jobs (due_at) where state in ('due', 'running');

do $$
declare
    t text;
begin
    foreach t in array array['webhook_endpoints', 'webhook_events', 'webhook_deliveries', 'lead_stages', 'leads', 'data_jobs'] loop
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

-- Who said something of themselves before there were leads is one. What it is read from is closed to
-- the login role.
set role botsmith_system;
insert into lead_stages (id, workspace_id, name, position)
select new_id(), w.id, stage.name, stage.position
from workspaces w, unnest(array['new', 'contacted', 'qualified', 'won', 'lost']) with ordinality as stage (name, position);
insert into leads (id, workspace_id, stage_id, chatbot_id, name, email, phone, fields, consented_at, created_at, updated_at)
select c.id, c.workspace_id, s.id, i.chatbot_id, c.name, c.email, c.phone, c.fields, c.consented_at, c.lead_at, c.lead_at
from contacts c join integrations i on i.id = c.integration_id
join lead_stages s on s.workspace_id = c.workspace_id and s.position = 1
where c.lead_at is not null;
update contacts set lead_id = id where lead_at is not null;
reset role;
