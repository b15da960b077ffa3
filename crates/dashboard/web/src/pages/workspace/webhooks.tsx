// Where a workspace's events are sent to.

import { Alert, Badge, Button, Checkbox, Code, Group, Modal, Stack, Table, Text, TextInput } from "@mantine/core";
import { lazy, Suspense, useState, type FormEvent } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Once } from "../../parts/once";
import { Paged, usePaged } from "../../parts/paged";
import { useMay } from "../../parts/role";
import { Actions, Confirm, Empty, External, Section, State, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

const Deliveries = lazy(() => import("./deliveries"));

type Webhook = Schemas["Webhook"];
const EVENTS = ["message.received", "message.sent", "message.feedback", "conversation.handoff", "lead.created", "lead.updated", "integration.error"];
const called = (webhook: Webhook) => webhook.description || webhook.url;

/** A new one, or a change of one that is there. */
function Form({ workspace, webhook, onClose }: { workspace: string; webhook?: Webhook; onClose: () => void }) {
  const { t, word } = useTexts();
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [description, setDescription] = useState(webhook?.description ?? "");
  const [events, setEvents] = useState<string[]>(webhook?.events ?? ["lead.created", "lead.updated"]);
  const path = { workspace_id: workspace };
  const save = useAct(async () => {
    const body = { url, description, events };
    if (!webhook) return (await ask(api.POST("/api/workspaces/{workspace_id}/webhooks", { params: { path }, body }))).secret;
    await ask(api.PATCH("/api/workspaces/{workspace_id}/webhooks/{webhook_id}", { params: { path: { ...path, webhook_id: webhook.id } }, body }));
    onClose();
    return null;
  }, ["webhooks", workspace], ["activity", workspace]);
  if (save.data) {
    return <Stack><Once label={t("hook.secret")} value={save.data} note={t("hook.secretUse")} /><Group justify="flex-end"><Button onClick={onClose}>{t("do.close")}</Button></Group></Stack>;
  }
  const submit = (event: FormEvent) => { event.preventDefault(); save.mutate(undefined); };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput label={t("hook.url")} description={t("hook.urlHint")} type="url" required maxLength={2000} value={url} onChange={(event) => setUrl(event.currentTarget.value)} data-autofocus />
        <TextInput label={t("col.name")} description={t("hook.nameHint")} maxLength={200} value={description} onChange={(event) => setDescription(event.currentTarget.value)} />
        <Checkbox.Group label={t("hook.events")} value={events} onChange={setEvents}>
          <Stack gap={6} mt={6}>{EVENTS.map((event) => <Checkbox key={event} value={event} label={word("event", event)} description={<Code>{event}</Code>} />)}</Stack>
        </Checkbox.Group>
        {save.error && <Wrong error={save.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={save.isPending} disabled={!events.length}>{webhook ? t("do.save") : t("hook.add")}</Button></Group>
      </Stack>
    </form>
  );
}

function Rotate({ workspace, webhook, onClose }: { workspace: string; webhook: Webhook; onClose: () => void }) {
  const { t } = useTexts();
  const rotate = useAct(async () => ask(api.POST("/api/workspaces/{workspace_id}/webhooks/{webhook_id}/rotate", { params: { path: { workspace_id: workspace, webhook_id: webhook.id } }, body: {} })), ["webhooks", workspace]);
  return (
    <Stack>
      {rotate.data ? <Once label={t("hook.secret")} value={rotate.data.secret} note={t("hook.secretUse")} /> : <Text size="sm">{t("hook.rotateWhat")}</Text>}
      {rotate.error && <Wrong error={rotate.error} />}
      <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t(rotate.data ? "do.close" : "do.cancel")}</Button>{!rotate.data && <Button onClick={() => rotate.mutate(undefined)} loading={rotate.isPending}>{t("hook.rotate")}</Button>}</Group>
    </Stack>
  );
}

function Row({ webhook, workspace, act }: { webhook: Webhook; workspace: string; act: (what: "edit" | "rotate" | "log" | "delete") => void }) {
  const { t, ago, word } = useTexts();
  const path = { workspace_id: workspace, webhook_id: webhook.id };
  const stale = [["webhooks", workspace], ["deliveries", webhook.id]];
  const toggle = useAct(async () => ask(api.PATCH("/api/workspaces/{workspace_id}/webhooks/{webhook_id}", { params: { path }, body: { enabled: !webhook.enabled } })), ...stale);
  const test = useAct(async () => ask(api.POST("/api/workspaces/{workspace_id}/webhooks/{webhook_id}/test", { params: { path } })), ...stale);
  const name = called(webhook);
  const button = (label: string, onClick: () => void, loading = false) => <Button size="xs" variant="default" onClick={onClick} loading={loading} aria-label={`${label}: ${name}`}>{label}</Button>;
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={600} className="words">{name}</Text>
        {webhook.description && <Text size="xs" className="words">{webhook.url}</Text>}
        <Text size="xs" c="dimmed">{t("hook.secret")} …{webhook.secret}{webhook.previous_secret_until && new Date(webhook.previous_secret_until) > new Date() ? ` · ${t("hook.both", { ago: ago(webhook.previous_secret_until) })}` : ""}</Text>
        {webhook.disabled_reason && <Alert color="red" mt={6} p="xs"><Text size="xs">{word("hook.off", webhook.disabled_reason)}</Text></Alert>}
        {test.isSuccess && <Text size="xs" role="status">{t("hook.testSent")}</Text>}
        {(test.error ?? toggle.error) && <Wrong error={test.error ?? toggle.error} />}
      </Table.Td>
      <Table.Td><Group gap={4}>{webhook.events.map((event) => <Badge key={event} color="gray">{word("event", event)}</Badge>)}</Group></Table.Td>
      <Table.Td><State value={webhook.state} /><Text size="xs" c="dimmed">{webhook.last_success_at ? t("hook.last", { ago: ago(webhook.last_success_at) }) : t("hook.never")}</Text></Table.Td>
      <Table.Td><Group gap={6} justify="flex-end">
        {button(t("hook.log"), () => act("log"))}
        {button(t("hook.test"), () => test.mutate(undefined), test.isPending)}
        {button(t("do.edit"), () => act("edit"))}
        {button(t("hook.rotate"), () => act("rotate"))}
        {button(t(webhook.enabled ? "hook.switchOff" : "hook.switchOn"), () => toggle.mutate(undefined), toggle.isPending)}
        {button(t("do.delete"), () => act("delete"))}
      </Group></Table.Td>
    </Table.Tr>
  );
}

export default function Webhooks({ workspace }: { workspace: string }) {
  const { t } = useTexts();
  const admin = useMay(workspace, "admin");
  const [making, setMaking] = useState(false);
  const [chosen, setChosen] = useState<{ what: "edit" | "rotate" | "log" | "delete"; webhook: Webhook } | null>(null);
  const path = { workspace_id: workspace };
  const webhooks = usePaged(["webhooks", workspace], (after) => ask(api.GET("/api/workspaces/{workspace_id}/webhooks", { params: { path, query: { after } } })), 10_000);
  const remove = useAct((webhook_id: string) => ask(api.DELETE("/api/workspaces/{workspace_id}/webhooks/{webhook_id}", { params: { path: { ...path, webhook_id } } })), ["webhooks", workspace], ["activity", workspace]);
  const close = () => setChosen(null);
  const shown = (what: string) => (chosen?.what === what ? chosen.webhook : undefined);
  const closing = { closeButtonProps: { "aria-label": t("do.close") } };
  if (!admin) return <Section title={t("workspace.webhooks")}><Text size="sm">{t("role.adminsOnly")}</Text></Section>;
  return (
    <Section title={t("workspace.webhooks")} note={<>{t("hook.what")} <External href="https://www.standardwebhooks.com/">Standard Webhooks</External></>} action={<Button size="xs" onClick={() => setMaking(true)}>{t("hook.add")}</Button>}>
      <Paged of={webhooks} empty={<Empty title={t("hook.none")}>{t("hook.noneHint")}</Empty>}>
        {(items) => (
          <Table.ScrollContainer minWidth={820}>
            <Table verticalSpacing="sm" aria-label={t("workspace.webhooks")}>
              <Table.Thead><Table.Tr><Table.Th>{t("hook.url")}</Table.Th><Table.Th>{t("hook.events")}</Table.Th><Table.Th>{t("col.state")}</Table.Th><Actions /></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((webhook) => <Row key={webhook.id} webhook={webhook} workspace={workspace} act={(what) => setChosen({ what, webhook })} />)}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Paged>
      <Modal opened={making} onClose={() => setMaking(false)} title={t("hook.add")} {...closing}>{making && <Form workspace={workspace} onClose={() => setMaking(false)} />}</Modal>
      <Modal opened={Boolean(shown("edit"))} onClose={close} title={t("hook.edit")} {...closing}>{shown("edit") && <Form workspace={workspace} webhook={shown("edit")} onClose={close} />}</Modal>
      <Modal opened={Boolean(shown("rotate"))} onClose={close} title={t("hook.rotate")} {...closing}>{chosen?.what === "rotate" && <Rotate workspace={workspace} webhook={chosen.webhook} onClose={close} />}</Modal>
      <Modal opened={Boolean(shown("log"))} onClose={close} title={t("hook.deliveries")} size="xl" {...closing}><Suspense>{chosen?.what === "log" && <Deliveries workspace={workspace} webhook={chosen.webhook} />}</Suspense></Modal>
      <Confirm opened={Boolean(shown("delete"))} onClose={close} title={t("hook.deleteTitle")} action={t("do.delete")} onConfirm={async () => chosen && remove.mutateAsync(chosen.webhook.id)}>{t("hook.deleteWhat", { name: chosen ? called(chosen.webhook) : "" })}</Confirm>
    </Section>
  );
}
