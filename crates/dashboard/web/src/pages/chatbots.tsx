import { Button, Card, Group, Modal, SegmentedControl, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams, useSearchParams } from "react-router-dom";
import { api, ask, type Schemas } from "../api/client";
import { useChatbots, useIntegrations, useKnowledge } from "../api/hooks";
import { Import } from "../parts/import";
import { useMay } from "../parts/role";
import { Empty, PageHead, Shown, State } from "../parts/state";
import { UsageAlerts } from "../parts/usage";
import { useTexts } from "../texts";

function Bot({ bot }: { bot: Schemas["Chatbot"] }) {
  const { t, ago, number } = useTexts();
  const knowledge = useKnowledge(bot.id);
  const integrations = useIntegrations(bot.id);
  return (
    <Card withBorder padding="lg" component="article" aria-label={bot.name}>
      <Stack gap="xs">
        <Title order={2}><Link className="plain" to={`/chatbots/${bot.id}/overview`}>{bot.name}</Link></Title>
        <Text size="sm" c="dimmed">
          {knowledge.data ? t("bots.passages", { count: number(knowledge.data.passages) }) : "…"} · {bot.model ? bot.model.model : t("model.none")}
        </Text>
        <Group gap="xs" mih={26}>
          {integrations.data?.items.length === 0 && <Text size="sm" c="dimmed">{t("bots.noChannels")}</Text>}
          {integrations.data?.items.map((one) => <Group key={one.id} gap={4}><Text size="sm">{one.platform}</Text><State value={one.enabled ? one.state : "off"} /></Group>)}
        </Group>
        <Text size="xs" c="dimmed">{t("bots.changed", { ago: ago(bot.updated_at) })}</Text>
      </Stack>
    </Card>
  );
}

export default function Chatbots() {
  const { t } = useTexts();
  const { workspace = "" } = useParams();
  const [query, setQuery] = useSearchParams();
  const archived = query.get("archived") === "true";
  const search = query.get("search") ?? "";
  const chatbots = useChatbots(workspace, archived);
  const may = useMay(workspace, "admin");
  const set = (name: string, value: string) => setQuery((before) => { if (value) before.set(name, value); else before.delete(name); return before; }, { replace: true });
  const [importing, setImporting] = useState(false);
  const plan = useQuery({ queryKey: ["plan", workspace], staleTime: 30_000, queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/plan", { params: { path: { workspace_id: workspace } } })) });
  const create = <Button component={Link} to={`/workspaces/${workspace}/new`}>{t("bots.create")}</Button>;
  return (
    <>
      <PageHead title={t("bots.title")}>{may && <Button variant="default" onClick={() => setImporting(true)}>{t("import.title")}</Button>}{create}</PageHead>
      {plan.data && <div style={{ marginBottom: 16 }}><UsageAlerts usage={plan.data.usage} to={`/workspaces/${workspace}/settings/plan`} /></div>}
      <Group mb="md">
        <TextInput aria-label={t("do.search")} placeholder={t("do.search")} type="search" value={search} onChange={(event) => set("search", event.currentTarget.value)} />
        <SegmentedControl aria-label={t("bots.which")} value={String(archived)} onChange={(value) => set("archived", value === "true" ? value : "")}
          data={[{ value: "false", label: t("bots.inUse") }, { value: "true", label: t("bots.archived") }]} />
      </Group>
      <Shown of={chatbots}>
        {({ items }) => {
          const found = items.filter((bot) => bot.name.toLowerCase().includes(search.toLowerCase()));
          if (!items.length && archived) return <Empty title={t("bots.noneArchived")} />;
          if (!items.length) return <Empty title={t("bots.none")} action={<Button component={Link} to={`/workspaces/${workspace}/new`}>{t("bots.first")}</Button>}>{t("bots.noneHint")}</Empty>;
          if (!found.length) return <Empty title={t("none.found")} action={<Button variant="default" onClick={() => set("search", "")}>{t("do.clear")}</Button>} />;
          return <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>{found.map((bot) => <Bot key={bot.id} bot={bot} />)}</SimpleGrid>;
        }}
      </Shown>
      <Modal opened={importing} onClose={() => setImporting(false)} title={t("import.title")} closeButtonProps={{ "aria-label": t("do.close") }}>
        <Stack><Text size="sm">{t("import.newNote")}</Text>{importing && <Import into={{ workspace }} stale={[["chatbots", workspace]]} />}</Stack>
      </Modal>
    </>
  );
}
