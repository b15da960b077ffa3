import "@mantine/charts/styles.css";
import { BarChart, LineChart } from "@mantine/charts";
import { Button, Group, NativeSelect, NumberInput, SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Link, useSearchParams } from "react-router-dom";
import { api, ask, type Schemas } from "../../../api/client";
import { useAct } from "../../../parts/act";
import { amountOf, useMoney, useSums } from "../../../parts/money";
import { Empty, Section, Shown, Wrong } from "../../../parts/state";
import { useTexts } from "../../../texts";

type Told = Schemas["Revenue"];
const MONTHS = ["6", "12", "24", "36"];

function Figure({ label, value, note }: { label: string; value: string; note?: string }) {
  return <div><Text fz={24} fw={700} lh={1.2}>{value}</Text><Text size="sm">{label}</Text>{note && <Text size="xs" c="dimmed">{note}</Text>}</div>;
}

/** The newest month of each currency. */
function newest(told: Told): Schemas["MonthView"][] {
  const last = told.months.at(-1)?.month;
  return told.months.filter(({ month }) => month === last);
}

function Now({ told }: { told: Told }) {
  const { t, number } = useTexts();
  const money = useMoney();
  const sums = useSums();
  const now = newest(told);
  const each = (of: (month: Schemas["MonthView"]) => number) => now.map((month) => money(of(month), month.currency)).join(" + ") || "–";
  const count = (of: (month: Schemas["MonthView"]) => number) => number(now.reduce((sum, month) => sum + of(month), 0));
  const cost = told.costs.find(({ month }) => month === now[0]?.month)?.cost_usd ?? told.costs.at(-1)?.cost_usd ?? 0;
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 4 }} spacing="lg" verticalSpacing="lg">
      <Figure label={t("revenue.mrr")} value={each((it) => it.mrr_minor)} note={t("revenue.mrrNote")} />
      <Figure label={t("revenue.arpu")} value={each((it) => it.arpu_minor)} note={t("revenue.paying", { count: number(told.paying) })} />
      <Figure label={t("revenue.new")} value={count((it) => it.new)} note={each((it) => it.new_minor)} />
      <Figure label={t("revenue.churned")} value={count((it) => it.churned)} note={each((it) => it.churned_minor)} />
      <Figure label={t("revenue.trials")} value={number(told.trials)} note={t("revenue.without", { count: number(told.without) })} />
      <Figure label={t("revenue.openInvoices")} value={sums(told.open_invoices)} note={t("revenue.pastDue", { count: number(told.past_due) })} />
      <Figure label={t("revenue.openCredits")} value={sums(told.open_credits)} note={t("revenue.ending", { count: number(told.ending) })} />
      <Figure label={t("revenue.models")} value={number(cost, { style: "currency", currency: "USD" })} note={t("revenue.modelsNote")} />
    </SimpleGrid>
  );
}

function Charts({ told, currency }: { told: Told; currency: string }) {
  const { t, number, language } = useTexts();
  const points = useMemo(() => {
    const name = new Intl.DateTimeFormat(language, { month: "short", year: "2-digit", timeZone: "UTC" });
    const costs = new Map(told.costs.map(({ month, cost_usd }) => [month, cost_usd]));
    return told.months.filter((it) => it.currency === currency).map((it) => ({
      at: name.format(new Date(it.month)), mrr: amountOf(it.mrr_minor, currency), invoiced: amountOf(it.invoiced_minor, currency), paid: amountOf(it.paid_minor, currency),
      new: amountOf(it.new_minor, currency), churned: -amountOf(it.churned_minor, currency), cost: costs.get(it.month) ?? 0,
    }));
  }, [told, currency, language]);
  const money = (value: number) => number(value, { style: "currency", currency, maximumFractionDigits: 0 });
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }}>
      <Section title={t("revenue.mrrChart", { currency })}>
        <figure aria-label={t("revenue.mrrChart", { currency })} style={{ margin: 0 }}>
          <LineChart h={240} data={points} dataKey="at" withLegend curveType="linear" valueFormatter={money}
            series={[{ name: "mrr", label: t("revenue.mrr"), color: "indigo.6" }, { name: "invoiced", label: t("revenue.invoiced"), color: "teal.6" }, { name: "paid", label: t("revenue.paid"), color: "orange.6" }]} />
        </figure>
      </Section>
      <Section title={t("revenue.moves", { currency })}>
        <figure aria-label={t("revenue.moves", { currency })} style={{ margin: 0 }}>
          <BarChart h={240} data={points} dataKey="at" withLegend valueFormatter={money}
            series={[{ name: "new", label: t("revenue.new"), color: "teal.6" }, { name: "churned", label: t("revenue.churned"), color: "red.6" }]} />
        </figure>
      </Section>
    </SimpleGrid>
  );
}

function Months({ told }: { told: Told }) {
  const { t, number, language } = useTexts();
  const money = useMoney();
  const name = new Intl.DateTimeFormat(language, { month: "long", year: "numeric", timeZone: "UTC" });
  const costs = new Map(told.costs.map(({ month, cost_usd }) => [month, cost_usd]));
  return (
    <Table.ScrollContainer minWidth={760}>
      <Table verticalSpacing="xs" aria-label={t("revenue.byMonth")}>
        <Table.Thead><Table.Tr><Table.Th>{t("revenue.month")}</Table.Th><Table.Th ta="right">{t("revenue.mrr")}</Table.Th><Table.Th ta="right">{t("revenue.arpu")}</Table.Th><Table.Th ta="right">{t("revenue.new")}</Table.Th><Table.Th ta="right">{t("revenue.churned")}</Table.Th><Table.Th ta="right">{t("revenue.invoiced")}</Table.Th><Table.Th ta="right">{t("revenue.paid")}</Table.Th><Table.Th ta="right">{t("revenue.models")}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{told.months.toReversed().map((it) => (
          <Table.Tr key={`${it.month}${it.currency}`}>
            <Table.Td>{name.format(new Date(it.month))}</Table.Td>
            <Table.Td ta="right">{money(it.mrr_minor, it.currency)}</Table.Td>
            <Table.Td ta="right">{money(it.arpu_minor, it.currency)}</Table.Td>
            <Table.Td ta="right">{number(it.new)}</Table.Td>
            <Table.Td ta="right">{number(it.churned)}</Table.Td>
            <Table.Td ta="right">{money(it.invoiced_minor, it.currency)}</Table.Td>
            <Table.Td ta="right">{money(it.paid_minor, it.currency)}</Table.Td>
            <Table.Td ta="right">{number(costs.get(it.month) ?? 0, { style: "currency", currency: "USD" })}</Table.Td>
          </Table.Tr>
        ))}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** Models are paid for in US dollars: without a rate no margin can be told. */
function Rates({ told, currencies }: { told: Told; currencies: string[] }) {
  const { t } = useTexts();
  const wanted = [...new Set([...currencies, ...Object.keys(told.exchange_rates)])].filter((currency) => currency !== "USD").sort();
  const [rates, setRates] = useState<Record<string, string | number>>(told.exchange_rates);
  const save = useAct(async () => ask(api.PUT("/api/administration/exchange-rates", { body: { exchange_rates: Object.fromEntries(Object.entries(rates).filter(([, rate]) => rate !== "").map(([currency, rate]) => [currency, Number(rate)])) } })), ["admin", "revenue"]);
  if (!wanted.length) return null;
  return (
    <Section title={t("revenue.rates")} note={t("revenue.ratesNote")}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
        <Group align="flex-end">
          {wanted.map((currency) => <NumberInput key={currency} label={t("revenue.rate", { currency })} min={0.000001} decimalScale={6} value={rates[currency] ?? ""} onChange={(rate) => { save.reset(); setRates({ ...rates, [currency]: rate }); }} />)}
          <Button type="submit" variant="default" loading={save.isPending}>{t("do.save")}</Button>
          {save.isSuccess && <Text size="sm" role="status">{t("saved.done")}</Text>}
        </Group>
        {save.error && <Wrong error={save.error} />}
      </form>
    </Section>
  );
}

export default function Figures() {
  const { t } = useTexts();
  const [query, setQuery] = useSearchParams();
  const months = MONTHS.find((months) => months === query.get("months")) ?? "12";
  const told = useQuery({ queryKey: ["admin", "revenue", months], queryFn: () => ask(api.GET("/api/administration/revenue", { params: { query: { months: Number(months) } } })) });
  const set = (name: string, value: string) => setQuery((before) => { before.set(name, value); return before; }, { replace: true });
  return (
    <Shown of={told}>{(told) => {
      const currencies = [...new Set(told.months.map(({ currency }) => currency))];
      const currency = currencies.find((currency) => currency === query.get("currency")) ?? currencies[0];
      return (
        <Stack>
          <Section title={t("revenue.now")} note={t("revenue.nowNote")} action={<Button component="a" href={`/api/administration/revenue.csv?months=${months}`} size="xs" variant="default">{t("revenue.csv")}</Button>}><Now told={told} /></Section>
          {currency ? (
            <>
              <Group align="flex-end">
                <NativeSelect label={t("revenue.span")} value={months} onChange={(event) => set("months", event.currentTarget.value)} data={MONTHS.map((value) => ({ value, label: t("revenue.spanMonths", { count: value }) }))} />
                {currencies.length > 1 && <NativeSelect label={t("revenue.currency")} value={currency} onChange={(event) => set("currency", event.currentTarget.value)} data={currencies} />}
              </Group>
              <Charts told={told} currency={currency} />
              <Section title={t("revenue.byMonth")}><Months told={told} /></Section>
            </>
          ) : <Empty title={t("revenue.none")} action={<Button component={Link} to="/admin/revenue?part=plans" variant="default">{t("revenue.plans")}</Button>}>{t("revenue.noneHint")}</Empty>}
          <Rates key={JSON.stringify(told.exchange_rates)} told={told} currencies={currencies} />
        </Stack>
      );
    }}</Shown>
  );
}
