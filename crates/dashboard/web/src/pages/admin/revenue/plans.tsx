import { Badge, Button, Checkbox, Group, Modal, NumberInput, Stack, Table, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../../api/client";
import { useAct } from "../../../parts/act";
import { amountOf, decimalsOf, minorOf, useMoney } from "../../../parts/money";
import { Actions, Confirm, Empty, Section, Shown, Wrong } from "../../../parts/state";
import { useTexts } from "../../../texts";

type Plan = Schemas["PlanOverview"];
const LIMITS = [["max_messages", "messages"], ["max_chatbots", "chatbots"], ["max_documents", "documents"], ["max_seats", "seats"]] as const;
const whole = (value: string | number) => (value === "" ? null : Number(value));

function PlanForm({ from, onClose }: { from?: Plan; onClose: () => void }) {
  const { t, word } = useTexts();
  const [name, setName] = useState(from?.name ?? "");
  const [currency, setCurrency] = useState(from?.currency ?? "EUR");
  const [price, setPrice] = useState<string | number>(from ? amountOf(from.price_minor, from.currency) : "");
  const [trial, setTrial] = useState<string | number>(from?.trial_days ?? 0);
  const [limits, setLimits] = useState<Record<string, string | number>>(Object.fromEntries(LIMITS.map(([field]) => [field, from?.[field] ?? ""])));
  const [first, setFirst] = useState(from?.is_default ?? false);
  const [stripePrice, setStripePrice] = useState(from?.stripe_price ?? "");
  const [archived, setArchived] = useState(Boolean(from?.archived_at));
  const save = useAct(async () => {
    const body = {
      name, currency, price_minor: minorOf(price, currency), trial_days: Number(trial), is_default: first, archived, stripe_price: stripePrice || null,
      max_messages: whole(limits.max_messages ?? ""), max_chatbots: whole(limits.max_chatbots ?? ""), max_documents: whole(limits.max_documents ?? ""), max_seats: whole(limits.max_seats ?? ""),
    };
    return from ? ask(api.PUT("/api/administration/plans/{plan_id}", { params: { path: { plan_id: from.id } }, body })) : ask(api.POST("/api/administration/plans", { body }));
  }, ["admin"], ["plan"]);
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined, { onSuccess: onClose }); }}>
      <Stack>
        <TextInput label={t("col.name")} required maxLength={60} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
        <div className="split">
          <NumberInput label={t("plans.price")} description={from && t("plans.priceHint")} required min={0} decimalScale={decimalsOf(currency)} value={price} onChange={setPrice} />
          <TextInput label={t("revenue.currency")} description={from && t("plans.currencyHint")} required maxLength={3} value={currency} onChange={(event) => setCurrency(event.currentTarget.value.toUpperCase())} />
        </div>
        <Text size="sm" c="dimmed">{t("plans.limitsHint")}</Text>
        <div className="split">{LIMITS.map(([field, what]) => <NumberInput key={field} label={word("usage", what)} min={what === "seats" ? 1 : 0} allowDecimal={false} value={limits[field]} onChange={(value) => setLimits({ ...limits, [field]: value })} />)}</div>
        <NumberInput label={t("plans.trial")} min={0} max={365} allowDecimal={false} value={trial} onChange={setTrial} />
        <TextInput label={t("plans.stripePrice")} description={t("plans.stripePriceHint")} value={stripePrice} onChange={(event) => setStripePrice(event.currentTarget.value)} />
        <Checkbox label={t("plans.default")} description={t("plans.defaultHint")} checked={first} onChange={(event) => setFirst(event.currentTarget.checked)} />
        {from && <Checkbox label={t("plans.archived")} description={t("plans.archivedHint")} checked={archived} onChange={(event) => setArchived(event.currentTarget.checked)} />}
        {save.error && <Wrong error={save.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={save.isPending}>{t("do.save")}</Button></Group>
      </Stack>
    </form>
  );
}

export default function Plans() {
  const { t, number, word } = useTexts();
  const money = useMoney();
  const [open, setOpen] = useState<Plan | "new" | null>(null);
  const [gone, setGone] = useState<Plan | null>(null);
  const plans = useQuery({ queryKey: ["admin", "plans"], queryFn: () => ask(api.GET("/api/administration/plans")) });
  const remove = useAct((plan_id: string) => ask(api.DELETE("/api/administration/plans/{plan_id}", { params: { path: { plan_id } } })), ["admin"], ["plan"]);
  const limit = (most?: number | null) => (most == null ? t("plan.noLimit") : number(most));
  return (
    <Section title={t("revenue.plans")} note={t("plans.note")} action={<Button size="xs" onClick={() => setOpen("new")}>{t("plans.make")}</Button>}>
      <Shown of={plans}>{({ items }) => !items.length ? <Empty title={t("plans.none")}>{t("plans.noneHint")}</Empty> : (
        <Table.ScrollContainer minWidth={820}>
          <Table verticalSpacing="sm" aria-label={t("revenue.plans")}>
            <Table.Thead><Table.Tr><Table.Th>{t("col.name")}</Table.Th><Table.Th>{t("plans.price")}</Table.Th>{LIMITS.map(([field, what]) => <Table.Th key={field}>{word("usage", what)}</Table.Th>)}<Table.Th>{t("plans.have")}</Table.Th><Actions /></Table.Tr></Table.Thead>
            <Table.Tbody>{items.map((plan) => (
              <Table.Tr key={plan.id}>
                <Table.Td><Text size="sm" fw={600} className="words">{plan.name}</Text><Group gap={4}>{plan.is_default && <Badge color="indigo">{t("plans.defaultShort")}</Badge>}{plan.archived_at && <Badge color="gray">{word("state", "archived")}</Badge>}</Group></Table.Td>
                <Table.Td><Text size="sm">{money(plan.price_minor, plan.currency)}</Text>{plan.trial_days > 0 && <Text size="xs" c="dimmed">{t("plan.trialDays", { days: number(plan.trial_days) })}</Text>}</Table.Td>
                {LIMITS.map(([field]) => <Table.Td key={field}><Text size="sm">{limit(plan[field])}</Text></Table.Td>)}
                <Table.Td><Text size="sm">{number(plan.subscriptions)}</Text></Table.Td>
                <Table.Td><Group justify="flex-end" gap="xs">
                  <Button size="xs" variant="default" onClick={() => setOpen(plan)} aria-label={`${t("plans.change")}: ${plan.name}`}>{t("plans.change")}</Button>
                  {!plan.subscriptions && <Button size="xs" variant="outline" color="red" onClick={() => setGone(plan)} aria-label={`${t("do.delete")}: ${plan.name}`}>{t("do.delete")}</Button>}
                </Group></Table.Td>
              </Table.Tr>
            ))}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}</Shown>
      <Modal opened={open !== null} onClose={() => setOpen(null)} size="lg" title={t(open === "new" ? "plans.make" : "plans.change")} closeButtonProps={{ "aria-label": t("do.close") }}>{open && <PlanForm from={open === "new" ? undefined : open} onClose={() => setOpen(null)} />}</Modal>
      <Confirm opened={gone !== null} onClose={() => setGone(null)} title={t("plans.deleteTitle", { name: gone?.name ?? "" })} action={t("do.delete")} onConfirm={async () => gone && remove.mutateAsync(gone.id)}>{t("plans.deleteWhat")}</Confirm>
    </Section>
  );
}
