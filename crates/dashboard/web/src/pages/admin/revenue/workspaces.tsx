// Workspaces: what each has, uses, pays, costs, and what is left.

import { Button, Group, Stack, Table, Text } from "@mantine/core";
import { useSearchParams } from "react-router-dom";
import { api, ask, type Schemas } from "../../../api/client";
import { Filters, TextFilter, useFilters } from "../../../parts/filters";
import { useMoney, useUsd } from "../../../parts/money";
import { Paged, usePaged } from "../../../parts/paged";
import { Actions, Empty, Section, State } from "../../../parts/state";
import { useTexts } from "../../../texts";
import { OneWorkspace } from "./workspace";

function Row({ of, onOpen }: { of: Schemas["SubscriptionOverview"]; onOpen: () => void }) {
  const { t, number, word } = useTexts();
  const money = useMoney();
  const usd = useUsd();
  const { subscription } = of;
  const limited = of.usage.filter(({ limit }) => limit != null);
  return (
    <Table.Tr>
      <Table.Td><Text size="sm" fw={600} className="words">{of.workspace_name}</Text></Table.Td>
      <Table.Td>{subscription ? <><Text size="sm">{subscription.plan.name}</Text><State kind="subscription" value={subscription.state} /></> : <Text size="sm" c="dimmed">{t("subs.none")}</Text>}</Table.Td>
      <Table.Td>{limited.length ? limited.map(({ what, used, limit, level }) => <Text key={what} size="xs" fw={level === "ok" ? 400 : 700}>{word("usage", what)}: {t("plan.usedOf", { used: number(used), limit: number(limit ?? 0) })}{level !== "ok" && ` · ${word("usageLevel", level)}`}</Text>) : <Text size="xs" c="dimmed">{t("plan.noLimit")}</Text>}</Table.Td>
      <Table.Td ta="right">{of.invoiced_currency ? money(of.invoiced_minor, of.invoiced_currency) : "–"}</Table.Td>
      <Table.Td ta="right">{usd(of.cost_usd)}</Table.Td>
      <Table.Td ta="right"><Text size="sm" c={of.margin_usd != null && of.margin_usd < 0 ? "var(--mantine-color-error)" : undefined}>{usd(of.margin_usd)}</Text></Table.Td>
      <Table.Td><Group justify="flex-end"><Button size="xs" variant="default" onClick={onOpen} aria-label={`${t("subs.open")}: ${of.workspace_name}`}>{t("subs.open")}</Button></Group></Table.Td>
    </Table.Tr>
  );
}

export default function Workspaces() {
  const { t } = useTexts();
  const { chosen, set } = useFilters(["q"]);
  const [query, setQuery] = useSearchParams();
  const opened = query.get("workspace");
  const open = (id: string | null) => setQuery((before) => { if (id) before.set("workspace", id); else before.delete("workspace"); return before; });
  const rows = usePaged(["admin", "subscriptions", chosen], (after) => ask(api.GET("/api/administration/subscriptions", { params: { query: { ...chosen, after } } })));
  if (opened) return <OneWorkspace key={opened} id={opened} onBack={() => open(null)} />;
  return (
    <Section title={t("revenue.workspaces")} note={t("subs.note")}>
      <Stack gap={0}>
        <Filters><TextFilter label={t("do.search")} value={chosen.q} onChange={(value) => set("q", value)} /></Filters>
        <Paged of={rows} empty={<Empty title={t("subs.noWorkspaces")}>{t("subs.noWorkspacesHint")}</Empty>}>{(items) => (
          <Table.ScrollContainer minWidth={900}>
            <Table verticalSpacing="sm" aria-label={t("revenue.workspaces")}>
              <Table.Thead><Table.Tr><Table.Th>{t("nav.workspace")}</Table.Th><Table.Th>{t("plan.plan")}</Table.Th><Table.Th>{t("plan.usage")}</Table.Th><Table.Th ta="right">{t("subs.invoiced")}</Table.Th><Table.Th ta="right">{t("revenue.models")}</Table.Th><Table.Th ta="right">{t("subs.margin")}</Table.Th><Actions /></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((one) => <Row key={one.workspace_id} of={one} onOpen={() => open(one.workspace_id)} />)}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}</Paged>
      </Stack>
    </Section>
  );
}
