// What happens in a workspace's conversations over time, compared with the time before.

import "@mantine/charts/styles.css";
import { BarChart, LineChart } from "@mantine/charts";
import { Button, Group, NativeSelect, SegmentedControl, SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link, useParams, useSearchParams } from "react-router-dom";
import { api, ask, type Schemas } from "../api/client";
import { useChatbots, usePlatforms } from "../api/hooks";
import { Empty, PageHead, Section, Shown } from "../parts/state";
import { useTexts } from "../texts";

const DAY = 86_400_000;
const RANGES = { "1": "hour", "7": "day", "30": "day", "90": "week", "365": "week" } as const;
type Range = keyof typeof RANGES;
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** By how much a figure has changed; nothing where there is nothing to compare with. */
function Change({ now, before }: { now: number; before: number }) {
  const { t, number } = useTexts();
  if (!before) return null;
  const change = (now - before) / before;
  return <Text size="xs" c="dimmed">{t("analytics.change", { change: number(change, { style: "percent", signDisplay: "exceptZero", maximumFractionDigits: 0 }) })}</Text>;
}

function Figure({ label, value, children }: { label: string; value: string; children?: React.ReactNode }) {
  return <div><Text fz={26} fw={700} lh={1.15}>{value}</Text><Text size="sm">{label}</Text>{children}</div>;
}

function Figures({ told: { total, before } }: { told: Schemas["Analytics"] }) {
  const { t, number } = useTexts();
  const share = (value: number | null) => (value == null ? "–" : number(value, { style: "percent", maximumFractionDigits: 0 }));
  const seconds = (value: number | null) => (value == null ? "–" : number(value, { style: "unit", unit: "second", maximumFractionDigits: 1 }));
  const messages = (of: Schemas["Figures"]) => of.inbound + of.by_bot + of.by_people;
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 4 }} spacing="lg" verticalSpacing="lg">
      <Figure label={t("analytics.conversations")} value={number(total.conversations)}><Change now={total.conversations} before={before.conversations} /></Figure>
      <Figure label={t("analytics.messages")} value={number(messages(total))}><Change now={messages(total)} before={messages(before)} /></Figure>
      <Figure label={t("analytics.resolved")} value={share(total.resolved_share)}><Text size="xs" c="dimmed">{t("analytics.was", { value: share(before.resolved_share) })}</Text></Figure>
      <Figure label={t("analytics.answered")} value={share(total.answered_share)}><Text size="xs" c="dimmed">{t("analytics.was", { value: share(before.answered_share) })}</Text></Figure>
      <Figure label={t("analytics.wait")} value={seconds(total.wait_p50_seconds)}><Text size="xs" c="dimmed">{t("analytics.wait95", { value: seconds(total.wait_p95_seconds) })}</Text></Figure>
      <Figure label={t("analytics.handedOver")} value={number(total.handed_over)}><Change now={total.handed_over} before={before.handed_over} /></Figure>
      <Figure label={t("analytics.undelivered")} value={number(total.undelivered)}><Change now={total.undelivered} before={before.undelivered} /></Figure>
      <Figure label={t("feedback.share")} value={share(total.good_share)}><Text size="xs" c="dimmed">{t("feedback.counts", { good: number(total.rated_good), bad: number(total.rated_bad) })}</Text></Figure>
      <Figure label={t("analytics.cost")} value={number(total.cost, { style: "currency", currency: "USD" })}><Text size="xs" c="dimmed">{t("analytics.tokens", { count: number(total.tokens, { notation: "compact" }) })}</Text></Figure>
    </SimpleGrid>
  );
}

/** Every step of the time, those too in which nothing happened. */
function steps(told: Schemas["Analytics"]): { at: string; step?: Schemas["AnalyticsStep"] }[] {
  const long = { hour: DAY / 24, day: DAY, week: 7 * DAY }[told.step];
  const known = new Map(told.series.map((step) => [new Date(step.at).getTime(), step]));
  const first = told.series[0];
  if (!first) return [];
  const all: { at: string; step?: Schemas["AnalyticsStep"] }[] = [];
  const until = new Date(told.to).getTime();
  let at = new Date(first.at).getTime();
  // Back to the beginning of what was asked for: days before the first message have their place too.
  while (at - long >= new Date(told.from).getTime()) at -= long;
  for (; at < until; at += long) {
    // Where clocks change, a day begins an hour off.
    const step = [0, 1, -1].map((hours) => known.get(at + hours * (DAY / 24))).find(Boolean);
    if (step) at = new Date(step.at).getTime();
    all.push({ at: new Date(at).toISOString(), step });
  }
  return all;
}

function Charts({ told }: { told: Schemas["Analytics"] }) {
  const { t, number, language } = useTexts();
  const points = useMemo(() => {
    const name = new Intl.DateTimeFormat(language, told.step === "hour" ? { hour: "numeric", minute: "2-digit" } : { day: "numeric", month: "short" });
    return steps(told).map(({ at, step }) => ({
      at: name.format(new Date(at)), inbound: step?.inbound ?? 0, by_bot: step?.by_bot ?? 0, by_people: step?.by_people ?? 0, unanswered: step?.unanswered ?? 0,
      p50: step?.wait_p50_seconds ?? null, p95: step?.wait_p95_seconds ?? null,
    }));
  }, [told, language]);
  return (
    <SimpleGrid cols={{ base: 1, lg: 2 }}>
      <Section title={t("analytics.volume")}>
        <figure aria-label={t("analytics.volume")} style={{ margin: 0 }}>
          <BarChart h={240} data={points} dataKey="at" type="stacked" withLegend valueFormatter={(value) => number(value)}
            series={[{ name: "inbound", label: t("analytics.inbound"), color: "indigo.6" }, { name: "by_bot", label: t("analytics.byBot"), color: "teal.6" }, { name: "by_people", label: t("analytics.byPeople"), color: "orange.6" }]} />
        </figure>
      </Section>
      <Section title={t("analytics.waits")}>
        <figure aria-label={t("analytics.waits")} style={{ margin: 0 }}>
          <LineChart h={240} data={points} dataKey="at" withLegend curveType="linear" connectNulls unit=" s" valueFormatter={(value) => number(value, { maximumFractionDigits: 1 })}
            series={[{ name: "p50", label: t("analytics.half"), color: "indigo.6" }, { name: "p95", label: t("analytics.most"), color: "orange.6" }]} />
        </figure>
      </Section>
    </SimpleGrid>
  );
}

function By({ title, rows }: { title: string; rows: { key: string; name: React.ReactNode; figures: Schemas["Figures"] }[] }) {
  const { t, number } = useTexts();
  return (
    <Section title={title}>
      <Table.ScrollContainer minWidth={480}>
        <Table verticalSpacing="xs" aria-label={title}>
          <Table.Thead><Table.Tr><Table.Th>{t("col.name")}</Table.Th><Table.Th>{t("analytics.conversations")}</Table.Th><Table.Th>{t("analytics.messages")}</Table.Th><Table.Th>{t("analytics.unanswered")}</Table.Th><Table.Th>{t("feedback.column")}</Table.Th><Table.Th>{t("analytics.cost")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{rows.map(({ key, name, figures }) => (
            <Table.Tr key={key}>
              <Table.Td>{name}</Table.Td>
              <Table.Td>{number(figures.conversations)}</Table.Td>
              <Table.Td>{number(figures.inbound + figures.by_bot + figures.by_people)}</Table.Td>
              <Table.Td>{number(figures.unanswered)}</Table.Td>
              <Table.Td>{number(figures.rated_good)} / {number(figures.rated_bad)}</Table.Td>
              <Table.Td>{number(figures.cost, { style: "currency", currency: "USD" })}</Table.Td>
            </Table.Tr>
          ))}</Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Section>
  );
}

export default function Analytics() {
  const { t } = useTexts();
  const { workspace = "" } = useParams();
  const [query, setQuery] = useSearchParams();
  const chatbots = useChatbots(workspace);
  const platforms = usePlatforms();
  const range = (query.get("days") ?? "30") in RANGES ? ((query.get("days") ?? "30") as Range) : "30";
  const [chatbot_id, platform] = [query.get("chatbot") || undefined, query.get("platform") || undefined];
  const set = (name: string, value: string) => setQuery((before) => { if (value) before.set(name, value); else before.delete(name); return before; }, { replace: true });
  const asked = () => ({ from: new Date(Date.now() - Number(range) * DAY).toISOString(), time_zone: ZONE, step: RANGES[range], chatbot_id, platform });
  const told = useQuery({
    queryKey: ["analytics", workspace, range, chatbot_id, platform], placeholderData: keepPreviousData, refetchInterval: 60_000,
    queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/analytics", { params: { path: { workspace_id: workspace }, query: asked() } })),
  });
  const titled = (name: string) => platforms.data?.items.find((it) => it.platform === name)?.title ?? name;
  const table = () => {
    const wanted = Object.entries(asked()).filter((pair): pair is [string, string] => Boolean(pair[1]));
    location.assign(`/api/workspaces/${workspace}/analytics.csv?${new URLSearchParams(wanted)}`);
  };
  return (
    <>
      <PageHead title={t("analytics.title")} note={t("analytics.note")}><Button variant="default" onClick={table}>{t("analytics.csv")}</Button></PageHead>
      <Group mb="md" align="flex-end">
        <SegmentedControl aria-label={t("analytics.range")} value={range} onChange={(value) => set("days", value)} data={Object.keys(RANGES).map((days) => ({ value: days, label: t(`analytics.days${days as Range}`) }))} />
        <NativeSelect aria-label={t("analytics.chatbot")} value={chatbot_id ?? ""} onChange={(event) => set("chatbot", event.currentTarget.value)}
          data={[{ value: "", label: t("analytics.allChatbots") }, ...(chatbots.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))]} />
        <NativeSelect aria-label={t("col.channel")} value={platform ?? ""} onChange={(event) => set("platform", event.currentTarget.value)}
          data={[{ value: "", label: t("analytics.allChannels") }, ...(platforms.data?.items ?? []).map((it) => ({ value: it.platform, label: it.title }))]} />
      </Group>
      <Shown of={told}>
        {(data) => !data.series.length ? <Empty title={t("analytics.none")} action={<Button component={Link} to={`/workspaces/${workspace}/chatbots`} variant="default">{t("nav.all")}</Button>}>{t("analytics.noneHint")}</Empty> : (
          <Stack>
            <Section title={t("analytics.sum")}><Figures told={data} /></Section>
            <Charts told={data} />
            <SimpleGrid cols={{ base: 1, xl: 2 }}>
              <By title={t("analytics.byChatbot")} rows={data.by_chatbot.map((one) => ({ key: one.chatbot_id, name: <Link to={`/chatbots/${one.chatbot_id}/overview`}>{one.name}</Link>, figures: one }))} />
              <By title={t("analytics.byChannel")} rows={data.by_platform.map((one) => ({ key: one.platform, name: titled(one.platform), figures: one }))} />
            </SimpleGrid>
          </Stack>
        )}
      </Shown>
    </>
  );
}
