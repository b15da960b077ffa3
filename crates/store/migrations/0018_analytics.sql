-- What happened, hour by hour: a question about a year reads thousands of rows and not millions of messages. It is counted
-- from the messages themselves and can be counted again.

-- When the row with this UUIDv7 (RFC 9562 section 5.7) was made.
create function made_at(id uuid) returns timestamptz language sql immutable strict parallel safe as $$
    select to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
$$;

-- Every row that was made from this moment on has this id or a higher one.
create function first_id(moment timestamptz) returns uuid language sql immutable strict parallel safe as $$
    select rpad(lpad(to_hex(floor(extract(epoch from moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- How long a person waited for an answer, as a class: up to 0.5, 1, 2, … 4096 seconds, and longer.
create function wait_class(seconds double precision) returns int language sql immutable strict parallel safe as $$
    select greatest(0, least(14, ceil(log(2, greatest(seconds, 0.001)::numeric) + 1)::int))
$$;

create table analytics_hours (
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    platform text not null,
    -- Its beginning.
    hour timestamptz not null,
    -- Conversations that began.
    conversations int not null default 0,
    -- Messages from people, of the bot, and of agents and programs.
    inbound int not null default 0,
    by_bot int not null default 0,
    by_people int not null default 0,
    -- Answers that the knowledge did not hold.
    unanswered int not null default 0,
    -- Conversations that a human took over.
    handed_over int not null default 0,
    -- Parts of messages that were not delivered.
    undelivered int not null default 0,
    tokens bigint not null default 0,
    -- In millionths of a US dollar, where prices are known.
    cost_micros bigint not null default 0,
    -- How many answers took how long, by class; the first is class 0.
    waits int[] not null default array_fill(0, array[15]),
    primary key (chatbot_id, platform, hour)
);
create index analytics_hours_workspace on analytics_hours (workspace_id, hour);
create index analytics_hours_hour on analytics_hours (hour);

-- When a human took a conversation over: the conversation itself forgets it when the bot has it again.
create table handovers (
    conversation_id uuid not null references conversations on delete cascade,
    workspace_id uuid not null references workspaces on delete cascade,
    at timestamptz not null
);
create index handovers_at on handovers (at);
create index handovers_conversation on handovers (conversation_id);
insert into handovers (conversation_id, workspace_id, at)
    select id, workspace_id, handed_off_at from conversations where handed_off_at is not null;

create function note_handover() returns trigger language plpgsql as $$
begin
    insert into handovers (conversation_id, workspace_id, at)
        values (new.id, new.workspace_id, coalesce(new.handed_off_at, now()));
    return null;
end
$$;
create trigger note_handover after update of handler on conversations for each row
    when (old.handler = 'bot' and new.handler = 'human') execute function note_handover();

do $$
declare
    t text;
begin
    foreach t in array array['analytics_hours', 'handovers'] loop
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
