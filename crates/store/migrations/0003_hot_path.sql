-- What a message's way costs the database.
--
-- Every foreign key of a row that is written is looked up and its parent's row locked for sharing: at hundreds of
-- messages a second all of them lock the same workspace, bot and integration, and that was half the cost of a turn's
-- commit. A conversation belongs to its workspace, bot and integration, and everything below belongs to a conversation,
-- so these say nothing that the remaining ones do not: deleting a workspace, a bot or an integration still takes all of
-- it along.
alter table messages drop constraint messages_workspace_id_fkey;
alter table parts drop constraint parts_workspace_id_fkey;
alter table parts drop constraint parts_integration_id_fkey;
alter table parts drop constraint parts_conversation_id_fkey; -- by way of its message
alter table attempts drop constraint attempts_workspace_id_fkey;
alter table answers drop constraint answers_workspace_id_fkey;
alter table answers drop constraint answers_chatbot_id_fkey;
alter table unanswered drop constraint unanswered_workspace_id_fkey;
alter table unanswered drop constraint unanswered_chatbot_id_fkey;
alter table unanswered drop constraint unanswered_conversation_id_fkey; -- by way of its answer
alter table attachments drop constraint attachments_workspace_id_fkey;
alter table attachments drop constraint attachments_integration_id_fkey; -- by way of its message
alter table pending_statuses drop constraint pending_statuses_workspace_id_fkey;

-- Rows that change state several times within a second leave as many dead entries in the indices by which the next work
-- is found. Vacuuming by count keeps those short, however large the tables are.
alter table parts set (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.02
);
alter table conversations set (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.02
);
alter table messages set (
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.02
);

-- Only what is asked for, and only once it is so: an index on every state a part goes through is written every time.
drop index parts_settled;
create index parts_sent on parts (integration_id, sent_at) where sent_at is not null;
create index parts_failed on parts (integration_id) where state in ('failed', 'dead');
