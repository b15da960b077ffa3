-- The inbox: whose a conversation is, what it is marked with, what colleagues say about it, and whether it is done.

alter table conversations
    -- The member who looks after it. Whoever leaves the workspace leaves their conversations to the others.
    add column assignee_id uuid,
    -- Done, as far as the members know: the person's next message takes this back.
    add column resolved_at timestamptz,
    -- Out of sight until then, or until the person writes.
    add column snoozed_until timestamptz,
    add foreign key (workspace_id, assignee_id) references memberships (workspace_id, user_id)
        on delete set null (assignee_id),
    add check (resolved_at is null or snoozed_until is null);
create index conversations_assignee on conversations (workspace_id, assignee_id) where assignee_id is not null;
create index conversations_snoozed on conversations (snoozed_until) where snoozed_until is not null;
-- The list goes by when the person last wrote, which the id of their newest message tells: ids are UUIDv7. It is read in no
-- other order any more, so writing a conversation costs no more than before.
create index conversations_recent on conversations (workspace_id, coalesce(last_inbound, id) desc);
drop index conversations_list;

-- Outbound: the member who wrote it.
alter table messages add column author_id uuid;

create table labels (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    name text not null,
    colour text not null,
    created_at timestamptz not null default now()
);
create unique index labels_name on labels (workspace_id, lower(name));

create table conversation_labels (
    conversation_id uuid not null references conversations on delete cascade,
    label_id uuid not null references labels on delete cascade,
    workspace_id uuid not null,
    primary key (conversation_id, label_id)
);
create index conversation_labels_label on conversation_labels (label_id);

-- What members say to each other about a conversation. It is in a table of its own, which nothing that writes to a person
-- or to a model reads.
create table notes (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    conversation_id uuid not null references conversations on delete cascade,
    -- By a program where it is null, or by somebody whose account is gone.
    author_id uuid references users on delete set null,
    text text not null,
    created_at timestamptz not null default now()
);
create index notes_conversation on notes (conversation_id, id desc);
create index notes_author on notes (author_id) where author_id is not null;

create table canned_replies (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    -- What is typed after the slash.
    name text not null,
    -- With {{contact.name}} and {{agent.name}} where those are to stand.
    text text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create unique index canned_replies_name on canned_replies (workspace_id, lower(name));

do $$
declare
    t text;
begin
    foreach t in array array['labels', 'conversation_labels', 'notes', 'canned_replies'] loop
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
