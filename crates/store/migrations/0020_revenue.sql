-- What workspaces pay, and what they may use for it.

-- Amounts of money are whole numbers of the currency's smallest unit (ISO 4217): cents of a euro, whole yen.
create table plans (
    id uuid primary key,
    name text not null,
    -- Of a month.
    price_minor bigint not null check (price_minor >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    trial_days int not null default 0 check (trial_days between 0 and 365),
    -- Null: unlimited.
    max_chatbots bigint check (max_chatbots >= 0),
    -- In a calendar month, in UTC.
    max_messages bigint check (max_messages >= 0),
    max_documents bigint check (max_documents >= 0),
    max_seats bigint check (max_seats >= 1),
    -- New workspaces begin with it.
    is_default boolean not null default false,
    -- The price at Stripe that a checkout of this plan is about.
    stripe_price text unique,
    archived_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    check (not is_default or archived_at is null)
);
create unique index plans_default on plans (is_default) where is_default;
create unique index plans_name on plans (lower(name)) where archived_at is null;

create table coupons (
    id uuid primary key,
    code text not null unique,
    percent int check (percent between 1 and 100),
    amount_minor bigint check (amount_minor > 0),
    currency text check (currency ~ '^[A-Z]{3}$'),
    -- Periods that it is good for; null: all.
    months int check (months > 0),
    redeem_by timestamptz,
    max_redemptions int check (max_redemptions > 0),
    redemptions int not null default 0 check (redemptions <= max_redemptions),
    archived_at timestamptz,
    created_at timestamptz not null,
    check ((percent is null) <> (amount_minor is null)),
    check ((amount_minor is null) = (currency is null))
);

create table subscriptions (
    workspace_id uuid primary key references workspaces on delete cascade,
    plan_id uuid not null references plans,
    state text not null check (state in ('trial', 'active', 'past_due', 'cancelled')),
    billing text not null check (billing in ('manual', 'stripe')),
    -- What the present period costs: a plan's new price counts from the next one on.
    price_minor bigint not null check (price_minor >= 0),
    currency text not null,
    -- The same after the coupon; 0 in a trial and after the end.
    mrr_minor bigint not null default 0 check (mrr_minor >= 0),
    -- Periods are whole months from this moment on, so that one that began on the 31st is there again in March.
    anchor timestamptz not null,
    period_start timestamptz not null,
    period_end timestamptz not null check (period_end > period_start),
    cancel_at_period_end boolean not null default false,
    coupon_id uuid references coupons,
    -- Null: for as long as the subscription lasts.
    coupon_months_left int check (coupon_months_left > 0),
    stripe_customer text,
    stripe_subscription text unique,
    -- When the newest event was made that was followed: events come in any order.
    stripe_event_at timestamptz,
    started_at timestamptz not null,
    ended_at timestamptz,
    updated_at timestamptz not null
);
create index subscriptions_due on subscriptions (period_end) where state <> 'cancelled' and billing = 'manual';
create index subscriptions_plan on subscriptions (plan_id);

-- Nobody redeems a coupon twice.
create table coupon_redemptions (
    coupon_id uuid not null references coupons,
    workspace_id uuid not null references workspaces on delete cascade,
    at timestamptz not null,
    primary key (coupon_id, workspace_id)
);

-- How what a workspace pays each month has changed. It outlives the workspace, as invoices do.
create table revenue_changes (
    id uuid primary key,
    workspace_id uuid not null,
    at timestamptz not null,
    currency text not null,
    mrr_before bigint not null,
    mrr_after bigint not null
);
create index revenue_changes_workspace on revenue_changes (workspace_id, currency, at);
create index revenue_changes_at on revenue_changes (at);

-- The last number that an invoice has. It is raised in the transaction that writes the invoice: no number is ever left out.
create table invoice_numbers (
    only_one boolean primary key default true check (only_one),
    last bigint not null
);
insert into invoice_numbers (last) values (0);

create table invoices (
    id uuid primary key,
    workspace_id uuid not null,
    -- As it was called then.
    workspace_name text not null,
    -- Stripe numbers its own.
    number bigint unique,
    stripe_invoice text unique,
    stripe_number text,
    period_start timestamptz not null,
    period_end timestamptz not null,
    currency text not null,
    -- [{"text", "amount_minor"}]: what is charged, then what is taken off it. They add up to the total.
    lines jsonb not null,
    total_minor bigint not null check (total_minor >= 0),
    state text not null check (state in ('open', 'paid', 'void')),
    issued_at timestamptz not null,
    due_at timestamptz not null,
    paid_at timestamptz,
    voided_at timestamptz,
    check ((number is null) <> (stripe_invoice is null)),
    check ((state = 'paid') = (paid_at is not null)),
    check ((state = 'void') = (voided_at is not null))
);
create unique index invoices_period on invoices (workspace_id, period_start) where number is not null and state <> 'void';
create index invoices_newest on invoices (id desc);
create index invoices_workspace on invoices (workspace_id, id desc);
create index invoices_issued on invoices (issued_at);
create index invoices_open on invoices (due_at) where state = 'open';

-- What a workspace was given, and how much of it invoices have used.
create table credits (
    id uuid primary key,
    workspace_id uuid not null references workspaces on delete cascade,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    amount_minor bigint not null check (amount_minor > 0),
    used_minor bigint not null default 0 check (used_minor between 0 and amount_minor),
    note text not null,
    created_at timestamptz not null
);
create index credits_workspace on credits (workspace_id, id);

-- Messages from people in a calendar month, in UTC. One row a workspace and month: a batch that is taken in raises it once,
-- as the last thing before its commit, and a turn reads it by its key. Hourly counts would be behind when a limit is
-- reached, and counting messages would take longer the more there are.
create table message_counts (
    workspace_id uuid not null references workspaces on delete cascade,
    month date not null,
    messages bigint not null,
    primary key (workspace_id, month)
) with (fillfactor = 50);
insert into message_counts (workspace_id, month, messages)
    select workspace_id, date_trunc('month', now() at time zone 'UTC')::date, count(*) from messages
    where id >= first_id(date_trunc('month', now(), 'UTC')) and direction = 'inbound' and state <> 'suppressed'
    group by 1;

-- That a workspace was told that a limit is near or reached, once a month.
create table limit_notices (
    workspace_id uuid not null references workspaces on delete cascade,
    what text not null,
    -- Of the limit, in per cent: 80 or 100.
    level int not null,
    month date not null,
    at timestamptz not null,
    primary key (workspace_id, what, level, month)
);

-- Events of Stripe that were followed: each once.
create table stripe_events (
    id text primary key,
    kind text not null,
    created_at timestamptz not null,
    received_at timestamptz not null
);

do $$
declare
    t text;
begin
    foreach t in array array['plans', 'coupons', 'subscriptions', 'coupon_redemptions', 'revenue_changes', 'invoice_numbers',
                             'invoices', 'credits', 'message_counts', 'limit_notices', 'stripe_events'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('grant select, insert, update, delete on %I to botsmith_system', t);
        execute format('create policy system on %I to botsmith_system using (true) with check (true)', t);
    end loop;
    -- A workspace sees what it pays and uses; administrators, the scheduler and Stripe change it.
    foreach t in array array['subscriptions', 'invoices', 'credits', 'message_counts', 'limit_notices'] loop
        execute format('grant select on %I to botsmith_tenant', t);
        execute format($p$
            create policy tenant on %I for select to botsmith_tenant
            using (workspace_id = nullif(current_setting('botsmith.workspace', true), '')::uuid)
        $p$, t);
    end loop;
end
$$;
-- Plans are on offer to every workspace.
grant select on plans to botsmith_tenant;
create policy tenant on plans for select to botsmith_tenant
    using (nullif(current_setting('botsmith.workspace', true), '') is not null);
grant select (id, code) on coupons to botsmith_tenant;
create policy tenant on coupons for select to botsmith_tenant
    using (exists (select from subscriptions s where s.coupon_id = coupons.id));

-- Secrets of the installation have a data key too, under the id of no workspace.
alter table data_keys drop constraint data_keys_workspace_id_fkey;
create function forget_data_key() returns trigger language plpgsql as $$
begin
    delete from data_keys where workspace_id = old.id;
    return null;
end
$$;
create trigger forget_data_key after delete on workspaces for each row execute function forget_data_key();
