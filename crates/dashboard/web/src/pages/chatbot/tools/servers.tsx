// MCP servers, and which of their tools the chatbot may call.

import { Alert, Badge, Button, Checkbox, Code, Group, Modal, NativeSelect, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../../api/client";
import { useAct } from "../../../parts/act";
import { Headers, headersOf, sent } from "../../../parts/headers";
import { Confirm, Empty, Section, Shown, Wrong } from "../../../parts/state";
import { useTexts } from "../../../texts";

type Bot = Schemas["Chatbot"];
type Server = Schemas["McpServer"];

function ServerForm({ bot, server, onClose }: { bot: Bot; server?: Server; onClose: () => void }) {
  const { t } = useTexts();
  const [name, setName] = useState(server?.name ?? "");
  const [url, setUrl] = useState(server?.url ?? "https://");
  const [headers, setHeaders] = useState(headersOf({}, server?.headers));
  const save = useAct(async () => {
    const given = sent(headers, true) as never;
    return server
      ? ask(api.PATCH("/api/chatbots/{chatbot_id}/mcp-servers/{mcp_server_id}", { params: { path: { chatbot_id: bot.id, mcp_server_id: server.id } }, body: { url, headers: given } }))
      : ask(api.POST("/api/chatbots/{chatbot_id}/mcp-servers", { params: { path: { chatbot_id: bot.id } }, body: { name, url, headers: given } }));
  }, ["mcp", bot.id]);
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined, { onSuccess: onClose }); }}>
      <Stack>
        {!server && <TextInput label={t("col.name")} description={t("mcp.nameHint")} required maxLength={24} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />}
        <TextInput label={t("source.address")} description={t("mcp.urlHint")} required value={url} onChange={(event) => setUrl(event.currentTarget.value)} />
        <Headers headers={headers} onChange={setHeaders} onlySecret />
        {save.error && <Wrong error={save.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={save.isPending}>{server ? t("do.save") : t("mcp.connect")}</Button></Group>
      </Stack>
    </form>
  );
}

/** Whether the visitor is asked first: as the server says of the tool, or as the owner does. */
function Asked({ offered, onChange, disabled }: { offered: Schemas["Offered"]; onChange: (confirm: boolean) => void; disabled: boolean }) {
  const { t } = useTexts();
  return (
    <NativeSelect size="xs" aria-label={`${t("mcp.ask")}: ${offered.name}`} value={String(offered.confirm)} disabled={disabled} onChange={(event) => onChange(event.currentTarget.value === "true")}
      data={[{ value: "true", label: t("mcp.asks") }, { value: "false", label: t("mcp.asksNot") }]} />
  );
}

function One({ bot, server, may, onEdit }: { bot: Bot; server: Server; may: boolean; onEdit: () => void }) {
  const { t, ago } = useTexts();
  const [gone, setGone] = useState(false);
  const params = { path: { chatbot_id: bot.id, mcp_server_id: server.id } };
  const change = useAct((body: Schemas["McpServerChange"]) => ask(api.PATCH("/api/chatbots/{chatbot_id}/mcp-servers/{mcp_server_id}", { params, body })), ["mcp", bot.id]);
  const refresh = useAct(async () => ask(api.POST("/api/chatbots/{chatbot_id}/mcp-servers/{mcp_server_id}/refresh", { params })), ["mcp", bot.id]);
  const remove = useAct(async () => ask(api.DELETE("/api/chatbots/{chatbot_id}/mcp-servers/{mcp_server_id}", { params })), ["mcp", bot.id]);
  const allow = (name: string, allowed: boolean, confirm: boolean | null) => {
    const others = server.tools.filter((tool) => tool.allowed && tool.name !== name).map((tool) => [tool.name, tool.confirm]);
    change.mutate({ allowed: Object.fromEntries(allowed ? [...others, [name, confirm]] : others) as never });
  };
  return (
    <Stack gap="sm" className="item" component="article" aria-label={server.name}>
      <Group gap="xs"><Text fw={600} size="sm">{server.name}</Text><Code className="words">{server.url}</Code><Text size="xs" c="dimmed">{server.listed_at ? t("mcp.listed", { ago: ago(server.listed_at) }) : t("mcp.neverListed")}</Text></Group>
      {server.error && <Alert color="orange"><Text size="sm" className="words">{server.error}</Text></Alert>}
      <Switch label={t("mcp.enabled")} checked={server.enabled} disabled={!may || change.isPending} onChange={(event) => change.mutate({ enabled: event.currentTarget.checked })} />
      {!server.tools.length && <Text size="sm" c="dimmed">{t("mcp.noTools")}</Text>}
      {server.tools.map((tool) => (
        <Group key={tool.name} justify="space-between" align="flex-start" gap="xs">
          <Checkbox style={{ flex: "1 1 260px" }} label={tool.name} description={tool.description} checked={tool.allowed} disabled={!may || change.isPending} onChange={(event) => allow(tool.name, event.currentTarget.checked, null)} />
          <Group gap="xs"><Badge color={tool.changes ? "orange" : "gray"}>{t(tool.changes ? "tools.changes" : "tools.reads")}</Badge>{tool.allowed && <Asked offered={tool} disabled={!may || change.isPending} onChange={(confirm) => allow(tool.name, true, confirm)} />}</Group>
        </Group>
      ))}
      {[change.error, refresh.error].map((error, at) => error && <Wrong key={at} error={error} />)}
      {may && (
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => refresh.mutate(undefined)} loading={refresh.isPending} aria-label={`${t("mcp.refresh")}: ${server.name}`}>{t("mcp.refresh")}</Button>
          <Button size="xs" variant="default" onClick={onEdit} aria-label={`${t("do.edit")}: ${server.name}`}>{t("do.edit")}</Button>
          <Button size="xs" variant="default" onClick={() => setGone(true)} aria-label={`${t("mcp.disconnect")}: ${server.name}`}>{t("mcp.disconnect")}</Button>
        </Group>
      )}
      <Confirm opened={gone} onClose={() => setGone(false)} title={t("mcp.deleteTitle")} name={server.name} action={t("mcp.disconnect")} onConfirm={() => remove.mutateAsync(undefined)}>{t("mcp.deleteWhat", { name: server.name })}</Confirm>
    </Stack>
  );
}

export function Servers({ bot, may }: { bot: Bot; may: boolean }) {
  const { t } = useTexts();
  const [edited, setEdited] = useState<Server | "new" | null>(null);
  const servers = useQuery({ queryKey: ["mcp", bot.id], queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/mcp-servers", { params: { path: { chatbot_id: bot.id } } })) });
  return (
    <Section title={t("mcp.title")} note={t("mcp.note")} action={may && <Button size="xs" variant="default" onClick={() => setEdited("new")}>{t("mcp.connect")}</Button>}>
      <Shown of={servers}>
        {({ items }) => !items.length ? <Empty title={t("mcp.none")}>{t("mcp.noneHint")}</Empty> : <Stack>{items.map((server) => <One key={server.id} bot={bot} server={server} may={may} onEdit={() => setEdited(server)} />)}</Stack>}
      </Shown>
      <Modal opened={edited !== null} onClose={() => setEdited(null)} size="lg" title={edited === "new" ? t("mcp.connect") : edited?.name} closeButtonProps={{ "aria-label": t("do.close") }}>
        {edited && <ServerForm bot={bot} server={edited === "new" ? undefined : edited} onClose={() => setEdited(null)} />}
      </Modal>
    </Section>
  );
}
