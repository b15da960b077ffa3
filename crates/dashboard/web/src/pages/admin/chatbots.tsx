import { Alert, Button, Group, Modal, Stack, Table, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router-dom";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { ChoiceFilter, Filters, TextFilter, useFilters } from "../../parts/filters";
import { Paged, usePaged } from "../../parts/paged";
import { Actions, Empty, Section, State, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";
import { PlatformFilter, useIsMine, useTitled, WorkspaceFilter } from "./shared";
import { Transfer } from "./transfer";

type Chatbot = Schemas["ChatbotOverview"];

function Pause({ bot, onClose }: { bot: Chatbot; onClose: () => void }) {
  const { t } = useTexts();
  const [reason, setReason] = useState("");
  const pause = useAct(async () => ask(api.POST("/api/administration/chatbots/{chatbot_id}/pause", { params: { path: { chatbot_id: bot.id } }, body: { reason } })), ["admin"], ["chatbot", bot.id]);
  return (
    <form onSubmit={(event) => { event.preventDefault(); pause.mutate(undefined, { onSuccess: onClose }); }}>
      <Stack>
        <Text size="sm">{t("abots.pauseWhat")}</Text>
        <TextInput label={t("abots.reason")} description={t("abots.reasonHint")} required maxLength={300} value={reason} onChange={(event) => setReason(event.currentTarget.value)} data-autofocus />
        {pause.error && <Wrong error={pause.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" color="red" loading={pause.isPending}>{t("abots.pause")}</Button></Group>
      </Stack>
    </form>
  );
}

function Channels({ bot }: { bot: Chatbot }) {
  const { t } = useTexts();
  const titled = useTitled();
  if (!bot.channels.length) return <Text size="sm" c="dimmed">{t("bots.noChannels")}</Text>;
  return (
    <Stack gap={4}>{bot.channels.map((channel) => (
      <div key={channel.integration_id}>
        <Group gap={6} wrap="nowrap"><Text size="sm">{titled(channel.platform)}</Text><State value={channel.enabled ? channel.state : "off"} /></Group>
        {channel.state_reason && <Text size="xs" className="words">{channel.state_reason}</Text>}
      </div>
    ))}</Stack>
  );
}

function Row({ bot, onPause, onResume, onMove, busy }: { bot: Chatbot; onPause: () => void; onResume: () => void; onMove: () => void; busy: boolean }) {
  const { t, number, ago, time } = useTexts();
  const isMine = useIsMine();
  return (
    <Table.Tr>
      <Table.Td style={{ minWidth: 130 }}>
        <Text size="sm" fw={600} className="words">{isMine(bot.workspace_id) ? <Link to={`/chatbots/${bot.id}/overview`}>{bot.name}</Link> : bot.name}</Text>
        <Text size="xs" className="words">{bot.workspace_name}</Text>
        {bot.owners.length > 0 && <Text size="xs" c="dimmed" className="words">{t("abots.owners", { owners: bot.owners.join(", ") })}</Text>}
      </Table.Td>
      <Table.Td><State value={bot.state} />{bot.paused_at && <Text size="xs" className="words">{t("abots.pausedFor", { reason: bot.pause_reason ?? "", time: time(bot.paused_at) })}</Text>}</Table.Td>
      <Table.Td style={{ minWidth: 96 }}><Text size="sm" className="words">{bot.model ?? t("abots.quotes")}</Text></Table.Td>
      <Table.Td><Channels bot={bot} /></Table.Td>
      <Table.Td><Text size="sm" style={{ whiteSpace: "nowrap" }}>{t("abots.knows", { count: number(bot.documents) })}</Text><Text size="sm" style={{ whiteSpace: "nowrap" }}><Link to={`/admin/conversations?chatbot_id=${bot.id}`}>{t("abots.talks", { count: number(bot.conversations) })}</Link></Text></Table.Td>
      <Table.Td><Text size="sm">{number(bot.cost_usd, { style: "currency", currency: "USD" })}</Text><Text size="xs" c="dimmed">{t("abots.answers", { count: number(bot.answers) })}</Text></Table.Td>
      <Table.Td>
        <Text size="sm">{bot.last_event_at ? ago(bot.last_event_at) : t("never")}</Text>
        {bot.last_error && <Text size="xs" c="var(--mantine-color-error)" className="words">{bot.last_error.message} · {ago(bot.last_error.at)}</Text>}
      </Table.Td>
      <Table.Td><Group justify="flex-end">
        {bot.state === "active" && <Button size="xs" variant="default" onClick={onPause} aria-label={`${t("abots.pause")}: ${bot.name}`}>{t("abots.pause")}</Button>}
        {bot.state === "paused" && <Button size="xs" variant="default" onClick={onResume} loading={busy} aria-label={`${t("abots.resume")}: ${bot.name}`}>{t("abots.resume")}</Button>}
        <Button size="xs" variant="default" onClick={onMove} aria-label={`${t("move.open")}: ${bot.name}`}>{t("move.open")}</Button>
      </Group></Table.Td>
    </Table.Tr>
  );
}

export default function Chatbots() {
  const { t, word, number } = useTexts();
  const { chosen, set } = useFilters(["q", "state", "platform", "workspace_id"]);
  const [pausing, setPausing] = useState<Chatbot | null>(null);
  const [moving, setMoving] = useState<Chatbot | null>(null);
  const [moved, setMoved] = useState<Schemas["Transfer"] | null>(null);
  const bots = usePaged(["admin", "chatbots", chosen], (after) => ask(api.GET("/api/administration/chatbots", { params: { query: { ...chosen, after } } })));
  const resume = useAct((chatbot_id: string) => ask(api.POST("/api/administration/chatbots/{chatbot_id}/resume", { params: { path: { chatbot_id } } })), ["admin"], ["chatbot"]);
  return (
    <Section title={t("admin.chatbots")}>
      <Filters>
        <TextFilter label={t("abots.search")} value={chosen.q} onChange={(value) => set("q", value)} />
        <ChoiceFilter label={t("col.state")} value={chosen.state} onChange={(value) => set("state", value)} options={["active", "paused", "archived"].map((value) => ({ value, label: word("state", value) }))} />
        <PlatformFilter value={chosen.platform} onChange={(value) => set("platform", value)} />
        <WorkspaceFilter value={chosen.workspace_id} onChange={(value) => set("workspace_id", value)} />
      </Filters>
      {resume.error && <Wrong error={resume.error} />}
      {resume.data && <Alert color="green" mb="sm" role="status">{t("abots.resumed", { name: resume.data.chatbot.name, count: number(resume.data.waiting) })}</Alert>}
      {moved && <Alert color="green" mb="sm" role="status">{t("move.done", { name: moved.name, to: moved.to.workspace_name, count: number(moved.moves.conversations), secrets: number(moved.resealed ?? 0) })}</Alert>}
      <Paged of={bots} empty={<Empty title={t("abots.none")}>{t("abots.noneHint")}</Empty>}>
        {(items) => (
          <Table.ScrollContainer minWidth={960}>
            <Table verticalSpacing="sm" aria-label={t("admin.chatbots")}>
              <Table.Thead><Table.Tr><Table.Th>{t("inbox.chatbot")}</Table.Th><Table.Th>{t("col.state")}</Table.Th><Table.Th>{t("abots.model")}</Table.Th><Table.Th>{t("overview.channels")}</Table.Th><Table.Th>{t("abots.content")}</Table.Th><Table.Th>{t("abots.month")}</Table.Th><Table.Th>{t("abots.last")}</Table.Th><Actions /></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((bot) => <Row key={bot.id} bot={bot} onPause={() => setPausing(bot)} onResume={() => resume.mutate(bot.id)} onMove={() => { setMoved(null); setMoving(bot); }} busy={resume.isPending && resume.variables === bot.id} />)}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Paged>
      <Modal opened={pausing !== null} onClose={() => setPausing(null)} title={t("abots.pauseTitle", { name: pausing?.name ?? "" })} closeButtonProps={{ "aria-label": t("do.close") }}>{pausing && <Pause bot={pausing} onClose={() => setPausing(null)} />}</Modal>
      <Modal opened={moving !== null} onClose={() => setMoving(null)} size="lg" title={t("move.title", { name: moving?.name ?? "" })} closeButtonProps={{ "aria-label": t("do.close") }}>{moving && <Transfer bot={moving} onClose={() => setMoving(null)} onDone={(move) => { setMoving(null); setMoved(move); }} />}</Modal>
    </Section>
  );
}
