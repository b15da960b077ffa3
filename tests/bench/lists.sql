-- Fills an installation that `lists.rs` has set up: :CONVERSATIONS of ten messages each, over ninety days, six in ten of
-- them in the first chatbot's workspace, with what stands around them: answers, parts, leads, questions left open, logs.
-- The placeholders are replaced by `lists.rs`.

create function pg_temp.id_at(moment timestamptz) returns uuid language sql volatile as $$
    select (left(public.first_id(moment)::text, 14) || '7' || substr(md5(random()::text), 1, 3) || '-8'
        || substr(md5(random()::text), 1, 3) || '-' || substr(md5(random()::text), 1, 12))::uuid
$$;

-- Chatbots in an order, with the channel of each.
create temporary table bots as
select row_number() over (order by c.created_at, c.id) - 1 as number, c.workspace_id, c.id as chatbot_id, i.id as integration_id,
    i.platform
from chatbots c
join integrations i on i.chatbot_id = c.id;

create temporary table made as
select n, at, pg_temp.id_at(at) as conversation_id, pg_temp.id_at(at) as contact_id, b.*
from (
    select n, now() - interval '90 days' * (1 - n::float8 / CONVERSATIONS) as at,
        case when n % 10 < 6 then 0 else 1 + n % (BOTS - 1) end as bot
    from generate_series(1, CONVERSATIONS) n
) of_number
join bots b on b.number = of_number.bot;

insert into contacts (id, workspace_id, integration_id, key, name, email, phone, created_at, last_seen_at, lead_at, consented_at)
select contact_id, workspace_id, integration_id, '+1555' || lpad(n::text, 7, '0'),
    (array['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Donald', 'Margaret'])[1 + n % 7] || ' '
        || (array['Miller', 'Schmidt', 'Lopez', 'Novak', 'Tanaka', 'Okafor', 'Larsen', 'Rossi'])[1 + n % 8] || ' ' || n,
    case when n % 10 = 0 then 'person' || n || '@example.com' end, case when n % 20 = 0 then '+1555' || n end, at, at,
    case when n % 10 = 0 then at end, case when n % 20 = 0 then at end
from made;

insert into conversations (id, workspace_id, chatbot_id, integration_id, contact_id, key, handler, last_inbound_at, next_position,
    created_at, updated_at)
select conversation_id, workspace_id, chatbot_id, integration_id, contact_id, '+1555' || lpad(n::text, 7, '0'),
    case when n % 50 = 0 then 'human' else 'bot' end, at + interval '5 minutes', 6, at, at + interval '5 minutes'
from made;

create temporary table written as
select pg_temp.id_at(at + interval '1 minute' * (k / 2) + interval '3 seconds' * (k % 2)) as id,
    pg_temp.id_at(at + interval '1 minute' * (k / 2) + interval '3 seconds') as answer_id,
    at + interval '1 minute' * (k / 2) + interval '3 seconds' * (k % 2) as written_at, k, made.*
from made, generate_series(0, 9) k;

insert into messages (id, workspace_id, conversation_id, direction, sender, state, text, accepted_at, answered_at, answer_id)
select id, workspace_id, conversation_id, case when k % 2 = 0 then 'inbound' else 'outbound' end,
    case when k % 2 = 1 then 'bot' end, case when k % 2 = 0 then 'answered' end,
    case when k % 2 = 0 then 'Where is my order ' || n || ' of the blue kettle, and can I still change the address'
         else 'Your order ' || n || ' left our workshop in Bristol on Monday and takes two working days to arrive.' end,
    written_at, case when k % 2 = 0 then written_at + interval '3 seconds' end, case when k % 2 = 1 then answer_id end
from written;

insert into parts (id, workspace_id, integration_id, conversation_id, message_id, platform, position, sender, content, state, due_at,
    platform_message_id, segments, created_at, sent_at, settled_at, delivered_at)
select pg_temp.id_at(written_at), workspace_id, integration_id, conversation_id, id, platform, 1 + k / 2, 'bot',
    '{"text": "Your order left our workshop in Bristol on Monday."}', case when n % 500 = 0 then 'failed' else 'delivered' end,
    written_at, 'SM' || md5(id::text), 1, written_at, written_at, written_at, case when n % 500 <> 0 then written_at end
from written where k % 2 = 1;

insert into answers (id, workspace_id, chatbot_id, conversation_id, question, passages, citations, model, prompt_version, tokens_in,
    tokens_out, stages, created_at, path, cost_micros)
select answer_id, workspace_id, chatbot_id, conversation_id, 'Where is my order ' || n, '[]', '[]', 'gpt-4o-mini', 1, 800, 60,
    '{"retrieve": 3, "model": 900}', written_at,
    '[{"provider": "openai", "model": "gpt-4o-mini", "outcome": "answered", "milliseconds": 900}]', 160
from written where k % 2 = 1;

insert into message_feedback (message_id, workspace_id, conversation_id, chatbot_id, platform, rating, comment, created_at, updated_at)
select id, workspace_id, conversation_id, chatbot_id, platform, case when n % 3 = 0 then 'bad' else 'good' end,
    case when n % 9 = 0 then 'That was yesterday''s answer.' end, written_at, written_at
from written where k = 3 and n % 20 = 0;

insert into unanswered (id, workspace_id, chatbot_id, conversation_id, answer_id, question, created_at)
select pg_temp.id_at(written_at), workspace_id, chatbot_id, conversation_id, answer_id,
    'Do you ship the ' || (array['blue', 'red', 'green', 'small', 'large'])[1 + n % 5] || ' kettle to '
        || (array['Norway', 'Peru', 'Malta', 'Japan', 'Kenya', 'Chile', 'Wales'])[1 + n / 100 % 7], written_at
from written where k = 9 and n % 100 = 0;

insert into integration_logs (id, workspace_id, integration_id, at, level, event, message)
select pg_temp.id_at(written_at), workspace_id, integration_id, written_at,
    case when n % 40 = 0 then 'error' else 'info' end, 'send.rejected', 'The platform said that the number is not in use.'
from written where k = 1;

insert into dead_letters (id, workspace_id, integration_id, kind, part_id, reason, created_at)
select pg_temp.id_at(p.created_at), p.workspace_id, p.integration_id, 'part', p.id, 'the number is not in use', p.created_at
from parts p where p.state = 'failed';

analyze;
