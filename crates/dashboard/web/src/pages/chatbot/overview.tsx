import { Alert, Button, Group, Modal, SimpleGrid, Stack, Table, Text, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router-dom";
import { api, ask, type Schemas } from "../../api/client";
import { useIntegrations, useKnowledge, usePlatforms, useSources } from "../../api/hooks";
import { useAct } from "../../parts/act";
import { Empty, Section, Shown, State, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

type Bot = Schemas["Chatbot"];

function Figure({ value, label }: { value: string; label: string }) {
  return <div><Text fz={28} fw={700} lh={1.1}>{value}</Text><Text size="sm" c="dimmed">{label}</Text></div>;
}

function Knows({ bot }: { bot: Bot }) {
  const { t, number, word } = useTexts();
  const knowledge = useKnowledge(bot.id);
  const sources = useSources(bot.id);
  return (
    <Section title={t("overview.knowledge")} action={<Button component={Link} to={`/chatbots/${bot.id}/knowledge`} variant="default" size="xs">{t("do.open")}</Button>}>
      <Shown of={knowledge}>
        {(state) => (
          <Stack gap="sm">
            <SimpleGrid cols={2}>
              <Figure value={number(sources.data?.items.length ?? 0)} label={t("overview.sources")} />
              <Figure value={number(state.passages)} label={t("overview.passages")} />
            </SimpleGrid>
            <Text size="sm">{word("searched", state.searched_by)}{!state.complete && ` · ${t("source.meaning", { count: number(state.passages_with_meaning) })}`}</Text>
            {state.problem && <Alert color="orange"><Text size="sm">{state.problem}</Text></Alert>}
            {sources.data?.items.filter((source) => source.state === "failed").map((source) => (
              <Alert key={source.id} color="red" title={source.title}><Text size="sm" className="words">{source.error}</Text></Alert>
            ))}
          </Stack>
        )}
      </Shown>
    </Section>
  );
}

/** What people say of its answers, with the way to those that they call bad. */
function Rated({ bot }: { bot: Bot }) {
  const { t, number } = useTexts();
  const told = useQuery({
    queryKey: ["rated", bot.id], refetchInterval: 60_000,
    queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/analytics", { params: { path: { workspace_id: bot.workspace_id }, query: { chatbot_id: bot.id } } })),
  });
  const share = (value: number | null) => (value == null ? "–" : number(value, { style: "percent", maximumFractionDigits: 0 }));
  const bad = `/workspaces/${bot.workspace_id}/inbox?${new URLSearchParams({ state: "all", feedback: "bad", chatbot_id: bot.id })}`;
  return (
    <Section title={t("feedback.title")} note={t("feedback.note")} action={<Button component={Link} to={bad} variant="default" size="xs">{t("feedback.showBad")}</Button>}>
      <Shown of={told}>
        {({ total }) => (
          <SimpleGrid cols={3}>
            <Figure value={share(total.good_share)} label={t("feedback.share")} />
            <Figure value={number(total.rated_good)} label={t("feedback.ratedGood")} />
            <Figure value={number(total.rated_bad)} label={t("feedback.ratedBad")} />
          </SimpleGrid>
        )}
      </Shown>
    </Section>
  );
}

function Health({ integration, title }: { integration: Schemas["Integration"]; title: string }) {
  const { t, number, ago } = useTexts();
  const path = { chatbot_id: integration.chatbot_id, integration_id: integration.id };
  const stats = useQuery({ queryKey: ["stats", integration.id], queryFn: () => ask(api.GET("/api/integrations/{chatbot_id}/{integration_id}/stats", { params: { path } })) });
  return (
    <Table.Tr>
      <Table.Td><Text size="sm" fw={600}>{title}</Text>{integration.state_reason && <Text size="xs" className="words">{integration.state_reason}</Text>}</Table.Td>
      <Table.Td><State value={integration.enabled ? integration.state : "off"} /></Table.Td>
      <Table.Td><Text size="sm">{stats.data ? `${number(stats.data.messages_in)} / ${number(stats.data.messages_out)}` : "…"}</Text></Table.Td>
      <Table.Td><Text size="sm">{stats.data ? number(stats.data.errors + stats.data.failed_parts) : "…"}</Text></Table.Td>
      <Table.Td><Text size="sm" c="dimmed">{stats.data?.last_used_at ? ago(stats.data.last_used_at) : t("never")}</Text></Table.Td>
    </Table.Tr>
  );
}

function Channels({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const integrations = useIntegrations(bot.id);
  const platforms = usePlatforms();
  const open = <Button component={Link} to={`/chatbots/${bot.id}/integrations`} variant="default" size="xs">{t("do.open")}</Button>;
  return (
    <Section title={t("overview.channels")} action={open}>
      <Shown of={integrations}>
        {({ items }) => items.length === 0 ? <Text size="sm" c="dimmed">{t("overview.noChannels")}</Text> : (
          <Table.ScrollContainer minWidth={400}>
            <Table horizontalSpacing={6} aria-label={t("overview.channels")}>
              <Table.Thead><Table.Tr><Table.Th>{t("col.channel")}</Table.Th><Table.Th>{t("col.state")}</Table.Th><Table.Th>{t("col.inOut")}</Table.Th><Table.Th>{t("col.errors")}</Table.Th><Table.Th>{t("col.used")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((one) => <Health key={one.id} integration={one} title={platforms.data?.items.find((it) => it.platform === one.platform)?.title ?? one.platform} />)}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Shown>
    </Section>
  );
}

function Answering({ bot, group, onClose }: { bot: Bot; group: Schemas["Group"]; onClose: () => void }) {
  const { t } = useTexts();
  const [question, setQuestion] = useState(group.questions[0] ?? "");
  const [answer, setAnswer] = useState("");
  const save = useAct(
    async () => ask(api.POST("/api/chatbots/{chatbot_id}/unanswered/answer", { params: { path: { chatbot_id: bot.id } }, body: { question, answer, unanswered_ids: group.unanswered_ids } })),
    ["unanswered", bot.id], ["sources", bot.id], ["knowledge", bot.id],
  );
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined, { onSuccess: onClose }); }}>
      <Stack>
        <Text size="sm" c="dimmed">{t("unanswered.what")}</Text>
        <TextInput label={t("source.question")} required value={question} onChange={(event) => setQuestion(event.currentTarget.value)} />
        <Textarea label={t("source.answer")} description={t("source.answerHint")} required value={answer} onChange={(event) => setAnswer(event.currentTarget.value)} data-autofocus />
        {save.error && <Wrong error={save.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={save.isPending}>{t("unanswered.save")}</Button></Group>
      </Stack>
    </form>
  );
}

function Unanswered({ bot }: { bot: Bot }) {
  const { t, ago, number } = useTexts();
  const [group, setGroup] = useState<Schemas["Group"] | null>(null);
  const path = { chatbot_id: bot.id };
  const groups = useQuery({ queryKey: ["unanswered", bot.id], queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/unanswered/groups", { params: { path } })), refetchInterval: 15_000 });
  const dismiss = useAct(async (group: Schemas["Group"]) => {
    for (const unanswered_id of group.unanswered_ids) await ask(api.POST("/api/chatbots/{chatbot_id}/unanswered/{unanswered_id}/resolve", { params: { path: { ...path, unanswered_id } } }));
  }, ["unanswered", bot.id]);
  return (
    <Section title={t("unanswered.title")} note={t("unanswered.note")}>
      {dismiss.error && <Wrong error={dismiss.error} />}
      <Shown of={groups}>
        {({ groups }) => groups.length === 0 ? <Empty title={t("unanswered.none")}>{t("unanswered.noneHint")}</Empty> : (
          <Stack gap="sm">
            {groups.map((group) => (
              <Group key={group.unanswered_ids[0]} justify="space-between" align="flex-start" gap="sm" pb="sm" style={{ borderBottom: "1px solid var(--mantine-color-default-border)" }}>
                <div style={{ flex: "1 1 260px" }}>
                  <Text fw={600} size="sm" className="words">{group.questions[0]}</Text>
                  {group.questions.slice(1, 4).map((question) => <Text key={question} size="sm" c="dimmed" className="words">{question}</Text>)}
                  <Text size="xs" c="dimmed">{t("unanswered.count", { count: number(group.count), ago: ago(group.last_asked_at) })}</Text>
                </div>
                <Group gap="xs">
                  <Button size="xs" variant="default" onClick={() => dismiss.mutate(group)} loading={dismiss.isPending && dismiss.variables === group} aria-label={`${t("unanswered.dismiss")}: ${group.questions[0]}`}>{t("unanswered.dismiss")}</Button>
                  <Button size="xs" onClick={() => setGroup(group)} aria-label={`${t("unanswered.answer")}: ${group.questions[0]}`}>{t("unanswered.answer")}</Button>
                </Group>
              </Group>
            ))}
          </Stack>
        )}
      </Shown>
      <Modal opened={group !== null} onClose={() => setGroup(null)} title={t("unanswered.answerTitle")} size="lg" closeButtonProps={{ "aria-label": t("do.close") }}>
        {group && <Answering bot={bot} group={group} onClose={() => setGroup(null)} />}
      </Modal>
    </Section>
  );
}

export function Overview({ bot }: { bot: Bot }) {
  return (
    <Stack>
      <div className="split"><Knows bot={bot} /><Channels bot={bot} /></div>
      <Rated bot={bot} />
      <Unanswered bot={bot} />
    </Stack>
  );
}
