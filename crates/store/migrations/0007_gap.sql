-- Whether something was sent to a conversation just now, however many of its parts wait or were never sent.
create index parts_conversation_sent on parts (conversation_id, sent_at) where sent_at is not null;
