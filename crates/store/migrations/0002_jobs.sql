-- The queue's PostgreSQL transport: what stands in for RabbitMQ in a small installation.

-- Numbers for consumers. Each holds a session lock of its number as long as it lives: the jobs of a consumer whose
-- lock is gone are free at once, however it died.
create sequence job_consumers as int cycle;

create table jobs (
    -- The order of arrival within a queue.
    id bigint generated always as identity primary key,
    queue text not null,
    payload bytea not null,
    traceparent text,
    published_at timestamptz not null default now(),
    -- How often it has been taken by a consumer that did not give it back untouched.
    attempts int not null default 0,
    -- In hand: by which consumer, until when at most, and the fence. A new token at every claim, so that an
    -- acknowledgement that comes too late matches no row.
    claim uuid,
    claimed_by int,
    claimed_until timestamptz,
    -- A dead letter: where it came from, why and when it died.
    origin text,
    reason text,
    died_at timestamptz
) with (
    -- Room for a claim to be written beside the row, and vacuuming by count: rows live for milliseconds, and most of
    -- the table is dead at any time.
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 20000
);
-- The only index besides the key: what a claim changes is in none, so that it stays cheap.
create index jobs_queue on jobs (queue, id);

alter table jobs enable row level security;
alter table jobs force row level security;
grant select, insert, update, delete on jobs to botsmith_system;
grant usage on sequence job_consumers to botsmith_system;
create policy system on jobs to botsmith_system using (true) with check (true);
