-- What people say of the answers that they got. It is counted where it lies: few answers are rated, and a rating may be
-- changed and taken back for as long as its conversation is there.

create table message_feedback (
    -- One rating for each answer, gone with it.
    message_id uuid primary key references messages on delete cascade,
    workspace_id uuid not null references workspaces on delete cascade,
    conversation_id uuid not null,
    -- As their conversation has them: what is counted by them is counted without looking anything up.
    chatbot_id uuid not null,
    platform text not null,
    rating text not null check (rating in ('good', 'bad')),
    comment text check (char_length(comment) between 1 and 1000),
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index message_feedback_conversation on message_feedback (conversation_id);
-- Figures of a time are of the answers that were written in it: their ids are UUIDv7.
create index message_feedback_workspace on message_feedback (workspace_id, message_id);

-- Tells other programs of a rating, and where `rating` is null of one that was taken back.
create function note_feedback(
    workspace uuid, conversation uuid, message uuid, rating text, comment text, at timestamptz
) returns void language plpgsql as $$
declare
    v conversations;
begin
    if is_heard(workspace, 'message.feedback') then
        select * into v from conversations where id = conversation;
        perform note_event(
            workspace, 'message.feedback',
            coalesce(event_conversation(conversation), '{}') || jsonb_build_object(
                'message_id', message, 'rating', rating, 'comment', comment, 'at', json_time(at)),
            conversation, v.contact_id, null, v.chatbot_id);
    end if;
end
$$;

do $$
declare
    t text;
begin
    foreach t in array array['message_feedback'] loop
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
