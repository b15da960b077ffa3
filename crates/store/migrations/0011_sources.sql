-- Files and sites as knowledge.

alter table sources drop constraint sources_kind_check;
alter table sources
    -- file: {"name", "bytes"}; site: {"start", "whole_site", "include", "exclude", "most_pages", "most_depth"}
    add constraint sources_kind_check check (kind in ('text', 'qa', 'file', 'site')),
    -- The bytes of a file.
    add column blob_id uuid references blobs on delete set null,
    -- A site is read again this often, and next at this time.
    add column refresh_hours int check (refresh_hours > 0),
    add column refresh_due_at timestamptz,
    -- How often its pages have been looked for; pages that the last look did not find go.
    add column crawl bigint not null default 0;
create index sources_refresh on sources (refresh_due_at) where refresh_due_at is not null;
create index sources_blob on sources (blob_id) where blob_id is not null;

alter table documents
    -- Of a page: its address, for citations.
    add column url text,
    add column characters int not null default 0,
    -- Of a file in an archive that cannot be read: why. It has no passages then.
    add column error text,
    -- Pages and slides that hold pictures only.
    add column unreadable_pages int not null default 0;

-- The pages of sites: what has been found, and what was read.
create table pages (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    chatbot_id uuid not null references chatbots on delete cascade,
    source_id uuid not null references sources on delete cascade,
    url text not null,
    -- Links away from the start.
    depth int not null,
    -- due: to be fetched; ready: its document is the page as it was last read; left_out: nothing of it is kept, and
    -- why; failed: it could not be fetched, and what was read before stays.
    state text not null default 'due' check (state in ('due', 'ready', 'left_out', 'failed')),
    reason text,
    -- The look that found it last.
    crawl bigint not null,
    document_id uuid references documents on delete set null,
    -- What the server said of this version, to be asked with.
    etag text,
    last_modified text,
    -- Where it leads, for a look at which it has not changed.
    links jsonb not null default '[]',
    attempts int not null default 0,
    due_at timestamptz not null default now(),
    lease_token uuid,
    lease_until timestamptz,
    fetched_at timestamptz,
    unique (source_id, url)
);
create index pages_due on pages (due_at) where state = 'due';
create index pages_source on pages (source_id, id);
alter table pages enable row level security;
alter table pages force row level security;
grant select, insert, update, delete on pages to botsmith_system, botsmith_tenant;
create policy system on pages to botsmith_system using (true) with check (true);
create policy tenant on pages to botsmith_tenant
    using (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid)
    with check (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid);
