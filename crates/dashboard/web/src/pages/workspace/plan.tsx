// What a workspace has subscribed to, what of it is used, and what it was charged.

import { Alert, Button, Card, Group, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useSearchParams } from "react-router-dom";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { InvoiceTable } from "../../parts/invoices";
import { useMoney, useSums } from "../../parts/money";
import { Paged, usePaged } from "../../parts/paged";
import { useMay } from "../../parts/role";
import { Confirm, Empty, Section, Shown, State, Wrong } from "../../parts/state";
import { PlanFacts, UsageAlerts, UsageBars } from "../../parts/usage";
import { useTexts } from "../../texts";

type Told = Schemas["PlanAndUsage"];

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return <div><Text size="xs" c="dimmed">{name}</Text><Text size="sm" component="div" className="words">{children}</Text></div>;
}

function Coupon({ workspace }: { workspace: string }) {
  const { t } = useTexts();
  const [code, setCode] = useState("");
  const redeem = useAct(async () => ask(api.POST("/api/workspaces/{workspace_id}/plan/coupon", { params: { path: { workspace_id: workspace } }, body: { code } })), ["plan", workspace]);
  return (
    <form onSubmit={(event) => { event.preventDefault(); redeem.mutate(undefined, { onSuccess: () => setCode("") }); }}>
      <Group align="flex-end" gap="xs"><TextInput label={t("plan.coupon")} required value={code} onChange={(event) => setCode(event.currentTarget.value)} /><Button type="submit" variant="default" loading={redeem.isPending}>{t("plan.redeem")}</Button></Group>
      {redeem.isSuccess && <Text size="sm" mt="xs" role="status">{t("plan.redeemed")}</Text>}
      {redeem.error && <div style={{ marginTop: 8 }}><Wrong error={redeem.error} /></div>}
    </form>
  );
}

function Current({ workspace, told, owner }: { workspace: string; told: Told; owner: boolean }) {
  const { t, time, number } = useTexts();
  const money = useMoney();
  const sums = useSums();
  const [ending, setEnding] = useState(false);
  const at = { params: { path: { workspace_id: workspace } } };
  const cancel = useAct(async () => ask(api.POST("/api/workspaces/{workspace_id}/plan/cancel", at)), ["plan", workspace]);
  const resume = useAct(async () => ask(api.POST("/api/workspaces/{workspace_id}/plan/resume", at)), ["plan", workspace]);
  const portal = useAct(async () => ask(api.POST("/api/workspaces/{workspace_id}/plan/portal", at)));
  const { subscription } = told;
  if (!subscription) return <Section title={t("plan.current")}><Text size="sm">{t("plan.none")}</Text></Section>;
  const over = subscription.state === "cancelled";
  return (
    <Section title={t("plan.current")} action={<State kind="subscription" value={subscription.state} />}>
      <Stack>
        <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }}>
          <Fact name={t("plan.plan")}>{subscription.plan.name}</Fact>
          <Fact name={t("plan.price")}>{t("plan.aMonth", { price: money(subscription.price_minor, subscription.currency) })}</Fact>
          <Fact name={t(over ? "plan.endedOn" : subscription.state === "trial" ? "plan.trialUntil" : subscription.cancel_at_period_end ? "plan.endsOn" : "plan.renewsOn")}>{time(over ? subscription.ended_at ?? subscription.period_end : subscription.period_end)}</Fact>
          {subscription.coupon && <Fact name={t("plan.coupon")}>{subscription.coupon}{subscription.coupon_months_left != null && ` · ${t("plan.couponLeft", { count: number(subscription.coupon_months_left) })}`}</Fact>}
          {told.credits.length > 0 && <Fact name={t("plan.credit")}>{sums(told.credits)}</Fact>}
        </SimpleGrid>
        {subscription.state === "past_due" && <Alert color="orange" title={t("plan.pastDue")}>{t("plan.pastDueHint")}</Alert>}
        {over && <Alert color="red" title={t("plan.over")}>{t("plan.overHint")}</Alert>}
        {owner && !over && (
          <Group>
            {subscription.by_stripe && <Button variant="default" loading={portal.isPending} onClick={() => portal.mutate(undefined, { onSuccess: ({ url }) => location.assign(url) })}>{t("plan.portal")}</Button>}
            {subscription.cancel_at_period_end
              ? <Button variant="default" loading={resume.isPending} onClick={() => resume.mutate(undefined)}>{t("plan.resume")}</Button>
              : <Button variant="outline" color="red" onClick={() => setEnding(true)}>{t("plan.cancel")}</Button>}
          </Group>
        )}
        {[resume.error, portal.error].map((error, at) => error && <Wrong key={at} error={error} />)}
        {owner && !over && !subscription.by_stripe && <Coupon workspace={workspace} />}
      </Stack>
      <Confirm opened={ending} onClose={() => setEnding(false)} title={t("plan.cancelTitle")} action={t("plan.cancel")} onConfirm={async () => cancel.mutateAsync(undefined)}>{t("plan.cancelWhat", { until: time(subscription.period_end) })}</Confirm>
    </Section>
  );
}

function Offers({ workspace, told, owner }: { workspace: string; told: Told; owner: boolean }) {
  const { t } = useTexts();
  const check = useAct((plan_id: string) => ask(api.POST("/api/workspaces/{workspace_id}/plan/checkout", { params: { path: { workspace_id: workspace } }, body: { plan_id } })));
  if (!told.plans.length) return null;
  const { subscription } = told;
  const running = subscription && subscription.state !== "cancelled" ? subscription : null;
  return (
    <Section title={t("plan.offers")} note={t(told.checkout ? "plan.offersNote" : "plan.offersAsk")}>
      {check.error && <Wrong error={check.error} />}
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>{told.plans.map((plan) => {
        const has = running?.plan.id === plan.id;
        return (
          <Card key={plan.id} withBorder padding="md" component="section" aria-label={plan.name}>
            <Text fw={600} className="words">{plan.name}</Text>
            <PlanFacts plan={plan} />
            {has && <Text size="sm" fw={600} mt="xs">{t("plan.yours")}</Text>}
            {!has && owner && told.checkout && plan.by_stripe && !running?.by_stripe && <Button mt="sm" loading={check.isPending && check.variables === plan.id} onClick={() => check.mutate(plan.id, { onSuccess: ({ url }) => location.assign(url) })} aria-label={`${t("plan.buy")}: ${plan.name}`}>{t("plan.buy")}</Button>}
          </Card>
        );
      })}</SimpleGrid>
    </Section>
  );
}

function Invoices({ workspace }: { workspace: string }) {
  const { t } = useTexts();
  const at = `/api/workspaces/${workspace}/invoices`;
  const invoices = usePaged(["plan", workspace, "invoices"], (after) => ask(api.GET("/api/workspaces/{workspace_id}/invoices", { params: { path: { workspace_id: workspace }, query: { after } } })));
  return (
    <Section title={t("invoices.title")} action={<Button component="a" href={`${at}.csv`} size="xs" variant="default">{t("invoices.csv")}</Button>}>
      <Paged of={invoices} empty={<Empty title={t("invoices.none")}>{t("invoices.noneOwn")}</Empty>}>{(items) => <InvoiceTable items={items} at={at} />}</Paged>
    </Section>
  );
}

export default function PlanAndUsage({ workspace }: { workspace: string }) {
  const { t, time } = useTexts();
  const owner = useMay(workspace, "owner");
  const admin = useMay(workspace, "admin");
  const [query] = useSearchParams();
  const plan = useQuery({ queryKey: ["plan", workspace], refetchInterval: 30_000, queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/plan", { params: { path: { workspace_id: workspace } } })) });
  return (
    <Stack>
      <Shown of={plan}>{(told) => (
        <>
          {query.get("bought") && <Alert color="green" role="status">{t("plan.bought")}</Alert>}
          <UsageAlerts usage={told.usage} />
          <SimpleGrid cols={{ base: 1, lg: 2 }}>
            <Section title={t("plan.usage")} note={t("plan.usageNote", { until: time(told.messages_until) })}><UsageBars usage={told.usage} /></Section>
            <Current workspace={workspace} told={told} owner={owner} />
          </SimpleGrid>
          <Offers workspace={workspace} told={told} owner={owner} />
        </>
      )}</Shown>
      {admin && <Invoices workspace={workspace} />}
    </Stack>
  );
}
