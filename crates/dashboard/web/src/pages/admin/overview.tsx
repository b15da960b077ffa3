// The installation at a glance. Every figure leads to where something can be done about it.

import "@mantine/charts/styles.css";
import { BarChart } from "@mantine/charts";
import { Badge, SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router-dom";
import { api, ask, type Schemas } from "../../api/client";
import { Empty, Section, Shown, State } from "../../parts/state";
import { useTexts } from "../../texts";
import { Queues } from "./queues";
import { Figure, useTitled } from "./shared";

type Of = { told: Schemas["Overview"] };

function Totals({ told: { users, workspaces, chatbots, conversations, messages, cost, instances } }: Of) {
  const { t, number, time } = useTexts();
  const both = ({ inbound, outbound }: Schemas["InAndOut"]) => number(inbound + outbound);
  const ways = ({ inbound, outbound }: Schemas["InAndOut"]) => t("admin.ways", { inbound: number(inbound), outbound: number(outbound) });
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }} spacing="lg" verticalSpacing="lg">
      <Figure label={t("admin.users")} value={number(users.total)} to="/admin/users">{t("admin.disabledCount", { count: number(users.disabled) })}</Figure>
      <Figure label={t("admin.workspaces")} value={number(workspaces)} to="/admin/workspaces" />
      <Figure label={t("admin.activeChatbots")} value={number(chatbots.active)} to="/admin/chatbots?state=active">{t("admin.answering", { count: number(chatbots.answering) })}</Figure>
      <Figure label={t("admin.pausedChatbots")} value={number(chatbots.paused)} to="/admin/chatbots?state=paused">{t("admin.archivedCount", { count: number(chatbots.archived) })}</Figure>
      <Figure label={t("admin.instances")} value={number(instances.up)} to="/admin/system">{t("admin.silentCount", { count: number(instances.silent) })}</Figure>
      <Figure label={t("admin.conversations")} value={number(conversations.total)} to="/admin/conversations">{t("admin.withHumans", { count: number(conversations.with_humans) })}</Figure>
      <Figure label={t("admin.today")} value={both(messages.today)} to="/admin/conversations">{ways(messages.today)}</Figure>
      <Figure label={t("admin.week")} value={both(messages.last_7_days)} to="/admin/conversations">{ways(messages.last_7_days)}</Figure>
      <Figure label={t("admin.month")} value={both(messages.last_30_days)} to="/admin/conversations">{ways(messages.last_30_days)}</Figure>
      <Figure label={t("admin.cost")} value={number(cost.usd, { style: "currency", currency: "USD" })} to="/admin/prices">{t("admin.costOf", { count: number(cost.answers), since: time(cost.since) })}</Figure>
    </SimpleGrid>
  );
}

function Errors({ told: { errors } }: Of) {
  const { t, number } = useTexts();
  const all = [["dead_letters", "/admin/system"], ["failed_parts", "/admin/system"], ["broken_integrations", "/admin/chatbots?state=active"], ["quarantined", "/admin/chatbots?state=active"], ["failed_sources", "/admin/chatbots?state=active"]] as const;
  return (
    <Section title={t("admin.errors")} note={t(all.some(([name]) => errors[name]) ? "admin.errorsNote" : "admin.errorsNone")}>
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }} spacing="lg" verticalSpacing="lg">
        {all.map(([name, to]) => <Figure key={name} label={t(`admin.errors.${name}`)} value={number(errors[name])} to={to}>{t(`admin.errors.${name}.what`)}</Figure>)}
      </SimpleGrid>
    </Section>
  );
}

function Trend({ told: { trend } }: Of) {
  const { t, number, language } = useTexts();
  const name = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" });
  return (
    <Section title={t("admin.trend")} note={t("admin.trendNote")}>
      {trend.some(({ inbound, outbound }) => inbound + outbound)
        ? (
          <figure aria-label={t("admin.trend")} style={{ margin: 0 }}>
            <BarChart h={240} data={trend.map(({ day, ...counts }) => ({ day: name.format(new Date(day)), ...counts }))} dataKey="day" type="stacked" withLegend valueFormatter={(value) => number(value)}
              series={[{ name: "inbound", label: t("analytics.inbound"), color: "indigo.6" }, { name: "outbound", label: t("admin.outbound"), color: "teal.6" }]} />
          </figure>
        )
        : <Empty title={t("admin.trendNone")}>{t("analytics.noneHint")}</Empty>}
    </Section>
  );
}

function Integrations({ told: { integrations } }: Of) {
  const { t, number } = useTexts();
  const titled = useTitled();
  return (
    <Section title={t("admin.integrations")} note={t("admin.integrationsNote")}>
      {integrations.length
        ? (
          <Table verticalSpacing="xs" aria-label={t("admin.integrations")}>
            <Table.Thead><Table.Tr><Table.Th>{t("col.channel")}</Table.Th><Table.Th>{t("col.state")}</Table.Th><Table.Th ta="right">{t("admin.count")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{integrations.map((some) => (
              <Table.Tr key={`${some.platform} ${some.state} ${some.enabled}`}>
                <Table.Td><Link to={`/admin/chatbots?platform=${some.platform}`}>{titled(some.platform)}</Link></Table.Td>
                <Table.Td>{some.enabled ? <State value={some.state} /> : <Badge color="gray">{t("state.off")}</Badge>}</Table.Td>
                <Table.Td ta="right">{number(some.integrations)}</Table.Td>
              </Table.Tr>
            ))}</Table.Tbody>
          </Table>
        )
        : <Empty title={t("admin.integrationsNone")}>{t("admin.integrationsNoneHint")}</Empty>}
    </Section>
  );
}

export default function Overview() {
  const { t, time } = useTexts();
  const overview = useQuery({ queryKey: ["admin", "overview"], refetchInterval: 30_000, queryFn: () => ask(api.GET("/api/administration/overview")) });
  return (
    <Shown of={overview} lines={6}>
      {(told) => (
        <Stack>
          <Section title={t("admin.totals")} note={t("admin.asOf", { time: time(told.at) })}><Totals told={told} /></Section>
          <Errors told={told} />
          <Trend told={told} />
          <SimpleGrid cols={{ base: 1, lg: 2 }} style={{ alignItems: "start" }}>
            <Integrations told={told} />
            <Section title={t("admin.queues")} action={<Text size="sm"><Link to="/admin/system">{t("admin.system")}</Link></Text>}><Queues of={told.queues} busy /></Section>
          </SimpleGrid>
        </Stack>
      )}
    </Shown>
  );
}
