-- Moving a chatbot to another workspace: see crates/store/src/moves.rs.
--
-- Whoever moves a chatbot has its row, those of its integrations and those of its conversations locked. What is written
-- below them by somebody who looked before the move and writes after it would be left in the workspace that it has moved out
-- of. So whatever is written below them looks once more, and waits for a move that is under way. Messages, contacts,
-- conversations and parts come too often for this: intake and outbound hold a lock of the chatbot instead.

-- refuse: the transaction has to be run again, and will find the chatbot gone. follow: it belongs where its chatbot is. drop:
-- it was sealed for the other workspace, and nobody could read it. Where there is no such row, the foreign key tells.
create function in_its_workspace() returns trigger language plpgsql as $$
declare
    home uuid;
begin
    if tg_argv[0] = 'chatbot' then
        select workspace_id into home from chatbots where id = new.chatbot_id for key share;
    elsif tg_argv[0] = 'integration' then
        select workspace_id into home from integrations where id = new.integration_id for key share;
    else
        select workspace_id into home from conversations where id = new.conversation_id for key share;
    end if;
    if home = new.workspace_id or (home is null and current_user::text <> 'botsmith_tenant') then
        return new;
    elsif tg_argv[1] = 'follow' and home is not null then
        new.workspace_id := home;
        return new;
    elsif tg_argv[1] = 'drop' then
        return null;
    end if;
    raise exception 'the % belongs to another workspace', tg_argv[0] using errcode = 'serialization_failure';
end
$$;

do $$
declare
    t text;
begin
    foreach t in array array['sources', 'widgets', 'conduct', 'tools', 'mcp_servers', 'chatbot_versions', 'chatbot_drafts',
                             'model_keys', 'golden_questions', 'trial_runs', 'integrations', 'retrieval_settings',
                             'outbound_files', 'meanings', 'leads', 'budgets'] loop
        execute format('create trigger in_its_workspace before insert on %I for each row when (new.chatbot_id is not null)
                        execute function in_its_workspace(''chatbot'', ''refuse'')', t);
    end loop;
    foreach t in array array['integration_logs', 'pending_statuses', 'dead_letters'] loop
        execute format('create trigger in_its_workspace before insert on %I for each row when (new.integration_id is not null)
                        execute function in_its_workspace(''integration'', ''follow'')', t);
    end loop;
    foreach t in array array['notes', 'conversation_labels', 'message_feedback'] loop
        execute format('create trigger in_its_workspace before insert on %I for each row
                        execute function in_its_workspace(''conversation'', ''refuse'')', t);
    end loop;
end
$$;
create trigger in_its_workspace before insert on analytics_hours for each row
    execute function in_its_workspace('chatbot', 'follow');
create trigger in_its_workspace before insert on chat_files for each row
    execute function in_its_workspace('integration', 'refuse');
create trigger in_its_workspace before insert on quarantine for each row
    execute function in_its_workspace('integration', 'drop');

-- A lead that came along with its chatbot is in another stage, because stages are a workspace's own. Nobody changed it.
create or replace function note_lead() returns trigger language plpgsql as $$
declare
    kind text := case tg_op when 'INSERT' then 'lead.created' else 'lead.updated' end;
begin
    if tg_op = 'UPDATE' and old.workspace_id <> new.workspace_id then
        return null;
    end if;
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

-- Whether a lead goes along with a chatbot: it came by this chatbot, and no other knows the person.
create function lead_moves(lead leads, chatbot uuid) returns boolean language sql stable as $$
    select lead.chatbot_id is not distinct from chatbot
       and not exists (select from contacts k join integrations i on i.id = k.integration_id
                       where k.lead_id = lead.id and i.chatbot_id <> chatbot)
$$;

-- A workspace's stage of the same name as this one, or its first.
create function stage_there(workspace uuid, stage uuid) returns uuid language sql stable as $$
    select there.id from lead_stages there left join lead_stages here on here.id = stage
    where there.workspace_id = workspace
    order by (lower(there.name) = lower(here.name)) desc nulls last, there.position limit 1
$$;
