// One workspace: its plan, what its chatbots bring and cost, and its credits.

import { Button, Group, NativeSelect, NumberInput, SimpleGrid, Stack, Table, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../../api/client";
import { useAct } from "../../../parts/act";
import { decimalsOf, minorOf, useMoney, useUsd } from "../../../parts/money";
import { Confirm, Empty, Section, Shown, State, Wrong } from "../../../parts/state";
import { UsageBars } from "../../../parts/usage";
import { useTexts } from "../../../texts";

type Detail = Schemas["SubscriptionDetail"];
const STALE = [["admin"], ["plan"]];

function Subscription({ of }: { of: Detail }) {
  const { t, time } = useTexts();
  const money = useMoney();
  const running = of.subscription && of.subscription.state !== "cancelled" ? of.subscription : null;
  const [plan, setPlan] = useState(running?.plan.id ?? "");
  const [trial, setTrial] = useState<string | number>("");
  const [coupon, setCoupon] = useState("");
  const [asked, setAsked] = useState<"later" | "now" | "away" | null>(null);
  const plans = useQuery({ queryKey: ["admin", "plans"], queryFn: () => ask(api.GET("/api/administration/plans")) });
  const at = { params: { path: { workspace_id: of.workspace_id } } };
  const save = useAct(async () => ask(api.PUT("/api/administration/subscriptions/{workspace_id}", { ...at, body: { plan_id: plan, coupon: coupon || null, trial_days: running || trial === "" ? null : Number(trial) } })), ...STALE);
  const cancel = useAct((at_once: boolean) => ask(api.POST("/api/administration/subscriptions/{workspace_id}/cancel", { ...at, body: { at_once } })), ...STALE);
  const away = useAct(async () => ask(api.DELETE("/api/administration/subscriptions/{workspace_id}", at)), ...STALE);
  const offered = (plans.data?.items ?? []).filter((one) => !one.archived_at || one.id === running?.plan.id);
  return (
    <Section title={t("plan.plan")} action={of.subscription ? <State kind="subscription" value={of.subscription.state} /> : undefined}>
      <Stack>
        {of.subscription && <Text size="sm">{t("subs.is", { plan: of.subscription.plan.name, price: money(of.subscription.price_minor, of.subscription.currency), from: time(of.subscription.period_start), until: time(of.subscription.period_end) })}{of.subscription.cancel_at_period_end && ` ${t("subs.ends")}`}{of.subscription.coupon && ` ${t("subs.coupon", { code: of.subscription.coupon })}`}</Text>}
        {!of.subscription && <Text size="sm">{t("subs.unlimited")}</Text>}
        {running?.by_stripe ? <Text size="sm">{t("subs.byStripe")}</Text> : (
          <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined, { onSuccess: () => setCoupon("") }); }}>
            <Stack gap="sm">
              <NativeSelect label={t("subs.plan")} description={running ? t("subs.planHint") : undefined} required value={plan} onChange={(event) => { save.reset(); setPlan(event.currentTarget.value); }} data={[{ value: "", label: t("subs.choose") }, ...offered.map((one) => ({ value: one.id, label: `${one.name} · ${money(one.price_minor, one.currency)}` }))]} />
              <div className="split">
                {!running && <NumberInput label={t("plans.trial")} description={t("subs.trialHint")} min={0} max={365} allowDecimal={false} value={trial} onChange={setTrial} />}
                <TextInput label={t("plan.coupon")} value={coupon} onChange={(event) => setCoupon(event.currentTarget.value)} />
              </div>
              {save.error && <Wrong error={save.error} />}
              <Group><Button type="submit" loading={save.isPending} disabled={!plan}>{t("subs.give")}</Button>{save.isSuccess && <Text size="sm" role="status">{t("saved.done")}</Text>}</Group>
            </Stack>
          </form>
        )}
        {of.subscription && (
          <Group>
            {running && !running.cancel_at_period_end && <Button size="xs" variant="default" onClick={() => setAsked("later")}>{t("subs.later")}</Button>}
            {running && <Button size="xs" variant="outline" color="red" onClick={() => setAsked("now")}>{t("subs.now")}</Button>}
            {!running?.by_stripe && <Button size="xs" variant="outline" color="red" onClick={() => setAsked("away")}>{t("subs.away")}</Button>}
          </Group>
        )}
      </Stack>
      <Confirm opened={asked !== null} onClose={() => setAsked(null)} title={asked ? t(`subs.${asked}Title`, { name: of.workspace_name }) : ""} action={asked ? t(`subs.${asked}`) : ""}
        onConfirm={async () => asked === "away" ? away.mutateAsync(undefined) : cancel.mutateAsync(asked === "now")}>{asked && t(`subs.${asked}What`)}</Confirm>
    </Section>
  );
}

function Chatbots({ of }: { of: Detail }) {
  const { t, number } = useTexts();
  const usd = useUsd();
  return (
    <Section title={t("subs.chatbots")} note={t("subs.chatbotsNote")}>
      {!of.chatbots.length ? <Empty title={t("subs.noChatbots")} /> : (
        <Table.ScrollContainer minWidth={560}>
          <Table verticalSpacing="xs" aria-label={t("subs.chatbots")}>
            <Table.Thead><Table.Tr><Table.Th>{t("col.name")}</Table.Th><Table.Th ta="right">{t("subs.messages")}</Table.Th><Table.Th ta="right">{t("subs.share")}</Table.Th><Table.Th ta="right">{t("revenue.models")}</Table.Th><Table.Th ta="right">{t("subs.margin")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{of.chatbots.map((one) => <Table.Tr key={one.chatbot_id}><Table.Td className="words">{one.name}</Table.Td><Table.Td ta="right">{number(one.messages)}</Table.Td><Table.Td ta="right">{usd(one.share_usd)}</Table.Td><Table.Td ta="right">{usd(one.cost_usd)}</Table.Td><Table.Td ta="right">{usd(one.margin_usd)}</Table.Td></Table.Tr>)}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {of.margin_usd == null && <Text size="sm" mt="xs">{t("subs.noRate", { currency: of.invoiced_currency ?? "" })}</Text>}
    </Section>
  );
}

function Credits({ of }: { of: Detail }) {
  const { t, time } = useTexts();
  const money = useMoney();
  const [amount, setAmount] = useState<string | number>("");
  const [currency, setCurrency] = useState(of.subscription?.currency ?? "EUR");
  const [note, setNote] = useState("");
  const give = useAct(async () => ask(api.POST("/api/administration/subscriptions/{workspace_id}/credits", { params: { path: { workspace_id: of.workspace_id } }, body: { amount_minor: minorOf(amount, currency), currency, note } })), ...STALE);
  return (
    <Section title={t("subs.credits")} note={t("subs.creditsNote")}>
      <Stack>
        {of.credits.map((credit) => <Text key={credit.id} size="sm" className="words">{t("subs.credit", { amount: money(credit.amount_minor, credit.currency), left: money(credit.amount_minor - credit.used_minor, credit.currency), note: credit.note, time: time(credit.created_at) })}</Text>)}
        <form onSubmit={(event) => { event.preventDefault(); give.mutate(undefined, { onSuccess: () => { setAmount(""); setNote(""); } }); }}>
          <Stack gap="sm">
            <div className="split">
              <NumberInput label={t("coupons.amount")} required min={0} decimalScale={decimalsOf(currency)} value={amount} onChange={setAmount} />
              <TextInput label={t("revenue.currency")} required maxLength={3} value={currency} onChange={(event) => setCurrency(event.currentTarget.value.toUpperCase())} />
            </div>
            <TextInput label={t("subs.creditFor")} required maxLength={200} value={note} onChange={(event) => setNote(event.currentTarget.value)} />
            {give.error && <Wrong error={give.error} />}
            <Group><Button type="submit" variant="default" loading={give.isPending}>{t("subs.giveCredit")}</Button></Group>
          </Stack>
        </form>
      </Stack>
    </Section>
  );
}

export function OneWorkspace({ id, onBack }: { id: string; onBack: () => void }) {
  const { t } = useTexts();
  const detail = useQuery({ queryKey: ["admin", "subscription", id], queryFn: () => ask(api.GET("/api/administration/subscriptions/{workspace_id}", { params: { path: { workspace_id: id } } })) });
  return (
    <Stack>
      <Group><Button variant="default" size="xs" onClick={onBack}>{t("subs.back")}</Button></Group>
      <Shown of={detail}>{(of) => (
        <>
          <SimpleGrid cols={{ base: 1, lg: 2 }}>
            <Subscription key={of.subscription?.plan.id ?? ""} of={of} />
            <Section title={of.workspace_name}><UsageBars usage={of.usage} /></Section>
          </SimpleGrid>
          <Chatbots of={of} />
          <Credits of={of} />
        </>
      )}</Shown>
    </Stack>
  );
}
