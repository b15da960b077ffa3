-- What the administrators of an installation see and do.

-- The activity log is a chain: every entry bears its place and a hash over what it says and the hash before it, so that
-- one that is changed, taken out or put in shows. An entry is chained when its transaction commits: the head is locked
-- for that moment only, and transactions that note something never wait for each other in a circle.
alter table activity_log
    add column position bigint,
    add column hash bytea,
    -- A workspace that is deleted leaves its entries: without them the chain would be broken.
    drop constraint activity_log_workspace_id_fkey;
create unique index activity_log_position on activity_log (position);
create index activity_log_newest on activity_log (workspace_id, id desc);
drop index activity_log_workspace;
create index activity_log_user on activity_log (user_id, id desc) where user_id is not null;
create index activity_log_target on activity_log (target, id desc) where target is not null;
create index activity_log_action on activity_log (action, id desc);
create index activity_log_at on activity_log (at);

-- The newest entry's place and hash, apart from the entries, so that the last of them cannot be taken away unseen.
create table activity_head (
    only_one boolean primary key default true check (only_one),
    entries bigint not null,
    hash bytea not null
);
alter table activity_head enable row level security;
alter table activity_head force row level security;
-- What chains entries runs as the owner of the tables, and no role of a service can write the head or change an entry.
create policy chain on activity_head using (current_user::text <> all (array['botsmith_system', 'botsmith_tenant']));
create policy chain on activity_log using (current_user::text <> all (array['botsmith_system', 'botsmith_tenant']));
create policy system on activity_head for select to botsmith_system using (true);
grant select on activity_head to botsmith_system;
revoke update, delete on activity_log from botsmith_system, botsmith_tenant;
insert into activity_head (entries, hash) values (0, '');

-- What is hashed of an entry: all that it says, in one order and spelling.
create function activity_content(entry activity_log) returns bytea language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select convert_to(jsonb_build_array(
        entry.position, entry.id, entry.workspace_id, entry.user_id, entry.api_key_id, entry.action, entry.target,
        entry.details, entry.ip, entry.request_id, (extract(epoch from entry.at) * 1000000)::bigint
    )::text, 'UTF8')
$$;

create function chain_activity() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    head activity_head;
    entry activity_log;
begin
    select * into entry from activity_log where id = new.id;
    if not found then
        return null;
    end if;
    select * into strict head from activity_head for update;
    entry.position := head.entries + 1;
    entry.hash := sha256(head.hash || activity_content(entry));
    update activity_log set position = entry.position, hash = entry.hash where id = entry.id;
    update activity_head set entries = entry.position, hash = entry.hash;
    return null;
end
$$;
revoke execute on function chain_activity() from public;
grant execute on function activity_content(activity_log) to botsmith_system;
create constraint trigger chain_activity after insert on activity_log deferrable initially deferred
    for each row execute function chain_activity();

-- What was noted before there was a chain is its beginning.
do $$
declare
    entry activity_log;
    last bytea := '';
    count bigint := 0;
begin
    for entry in select * from activity_log order by at, id loop
        count := count + 1;
        entry.position := count;
        last := sha256(last || activity_content(entry));
        update activity_log set position = count, hash = last where id = entry.id;
    end loop;
    update activity_head set entries = count, hash = last;
end
$$;

-- People --------------------------------------------------------------------------------------------------------------

-- Whoever signs in has to choose another password before anything else.
alter table users add column must_change_password boolean not null default false;

-- Chatbots ------------------------------------------------------------------------------------------------------------

-- An administrator has stopped it: what people write is kept, and answered when it goes on.
alter table chatbots
    add column paused_at timestamptz,
    add column pause_reason text,
    add check ((paused_at is null) = (pause_reason is null));

-- What is counted -----------------------------------------------------------------------------------------------------

-- When each chatbot answered, and what that cost, without reading an answer.
create index answers_created on answers (chatbot_id, created_at) include (cost_micros);
-- Calls to platforms come in the order of their times.
create index attempts_ended on attempts using brin (ended_at) with (pages_per_range = 16);
create index dead_letters_newest on dead_letters (id desc) where replayed_at is null and discarded_at is null;
create index contacts_newest_leads on contacts (lead_at desc, id desc) where lead_at is not null;

-- Processes -----------------------------------------------------------------------------------------------------------

-- Every process of the installation says now and then that it is there.
create table instances (
    id uuid primary key,
    -- Of the command line: all, gateway, chat-worker …
    role text not null,
    version text not null,
    host text not null,
    -- Of the disk that it keeps its data on.
    disk_free_bytes bigint,
    disk_total_bytes bigint,
    started_at timestamptz not null,
    seen_at timestamptz not null
);
alter table instances enable row level security;
alter table instances force row level security;
grant select, insert, update, delete on instances to botsmith_system;
create policy system on instances to botsmith_system using (true) with check (true);
