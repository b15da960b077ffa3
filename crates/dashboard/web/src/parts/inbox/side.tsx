// Beside a conversation: who looks after it, what it is marked with, who the person is and what else they wrote about.

import { Button, Card, NativeSelect, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "react-router-dom";
import { api, ask, type Schemas } from "../../api/client";
import { useLabels, useMe, useMembers } from "../../api/hooks";
import { useTexts } from "../../texts";
import { useAct } from "../act";
import { useNames } from "../names";
import { useMay } from "../role";
import { Wrong } from "../state";
import { Labels } from "./labels";

type Conversation = Schemas["Conversation"];

const OTHERS = 10;

function Handling({ one, workspace }: { one: Conversation; workspace: string }) {
  const { t } = useTexts();
  const may = useMay(workspace, "agent");
  const me = useMe().data?.user.id;
  const members = useMembers(workspace);
  const labels = useLabels(workspace);
  const path = { conversation_id: one.id };
  const stale = [["conversation", one.id], ["conversations"], ["counts"]];
  const assign = useAct((assignee_id: string | null) => ask(api.PUT("/api/conversations/{conversation_id}/assignee", { params: { path }, body: { assignee_id } })), ...stale);
  const attach = useAct((label_id: string) => ask(api.PUT("/api/conversations/{conversation_id}/labels/{label_id}", { params: { path: { ...path, label_id } } })), ...stale);
  const detach = useAct((label_id: string) => ask(api.DELETE("/api/conversations/{conversation_id}/labels/{label_id}", { params: { path: { ...path, label_id } } })), ...stale);
  const others = (members.data?.items ?? []).filter(({ user_id }) => user_id !== me);
  const people = [
    { value: "", label: t("desk.nobody") }, ...(me ? [{ value: me, label: t("desk.me") }] : []),
    ...others.map(({ user_id, name, email }) => ({ value: user_id, label: name || email })),
    // The list of members may not be there yet.
    ...(one.assignee && one.assignee.user_id !== me && !others.some(({ user_id }) => user_id === one.assignee?.user_id) ? [{ value: one.assignee.user_id, label: one.assignee.name }] : []),
  ];
  const free = (labels.data?.items ?? []).filter(({ id }) => !one.labels.some((label) => label.id === id));
  return (
    <Stack gap="sm">
      <NativeSelect label={t("desk.assignee")} disabled={!may} value={one.assignee?.user_id ?? ""} onChange={(event) => assign.mutate(event.currentTarget.value || null)} data={people} />
      <div>
        <Text size="sm" fw={500} mb={4}>{t("desk.labels")}</Text>
        <Labels labels={one.labels} onRemove={may ? (label) => detach.mutate(label.id) : undefined} />
        {may && free.length > 0 && <NativeSelect mt={6} aria-label={t("desk.addLabel")} value="" onChange={(event) => event.currentTarget.value && attach.mutate(event.currentTarget.value)} data={[{ value: "", label: t("desk.addLabel") }, ...free.map(({ id, name }) => ({ value: id, label: name }))]} />}
        {labels.data && !labels.data.items.length && <Text size="xs" c="dimmed"><Link to={`/workspaces/${workspace}/settings/inbox`}>{t("desk.makeLabels")}</Link></Text>}
      </div>
      {[assign.error, attach.error, detach.error].map((error, at) => error && <Wrong key={at} error={error} />)}
    </Stack>
  );
}

function Person({ one, workspace }: { one: Conversation; workspace: string }) {
  const { t, time } = useTexts();
  const nameOf = useNames();
  const { contact } = one;
  const may = useMay(workspace, "agent");
  const navigate = useNavigate();
  const lead = useAct(async () => ask(api.POST("/api/conversations/{conversation_id}/lead", { params: { path: { conversation_id: one.id } } })), ["leads", workspace]);
  const said = Object.entries(contact.fields as Record<string, unknown>).map(([name, value]): [string, string] => [name, String(value)]);
  const rows: [string, string | null | undefined][] = [
    [t("desk.email"), contact.email], [t("desk.phone"), contact.phone], ...said,
    [t("desk.consented"), contact.consented_at && time(contact.consented_at)], [t("desk.optedOut"), contact.opted_out_at && time(contact.opted_out_at)], [t("desk.began"), time(one.created_at)],
  ];
  return (
    <div>
      <Title order={3} className="words">{nameOf(one)}</Title>
      <dl className="facts">
        {rows.filter(([, value]) => value).map(([name, value]) => <div key={name}><dt>{name}</dt><dd className="words">{value}</dd></div>)}
      </dl>
      {may && <Button mt="xs" size="xs" variant="default" loading={lead.isPending} onClick={() => lead.mutate(undefined, { onSuccess: ({ lead: { id } }) => navigate(`/workspaces/${workspace}/leads?lead=${id}`) })}>{t("leads.make")}</Button>}
      {lead.error && <Wrong error={lead.error} />}
    </div>
  );
}

/** The person's other conversations: those of the same contact, or of one who gave the same address or number. */
function Others({ one, workspace }: { one: Conversation; workspace: string }) {
  const { t, ago } = useTexts();
  const others = useQuery({
    queryKey: ["conversations", workspace, "of", one.contact.id],
    queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/conversations", { params: { path: { workspace_id: workspace }, query: { contact_id: one.contact.id, limit: OTHERS } } })),
  });
  const found = others.data?.items.filter(({ id }) => id !== one.id) ?? [];
  return (
    <div>
      <Title order={3} mb={4}>{t("desk.others")}</Title>
      {others.error && <Wrong error={others.error} retry={() => void others.refetch()} />}
      {others.data && !found.length && <Text size="sm" c="dimmed">{t("desk.noOthers")}</Text>}
      {found.map((other) => (
        <Link key={other.id} className="row" to={`/workspaces/${workspace}/inbox/${other.id}?state=all`}>
          <Text size="sm" truncate>{other.last_message?.text || t("inbox.noText")}</Text>
          <Text size="xs">{other.chatbot_name} · {other.platform} · {ago(other.last_message?.at ?? other.created_at)}</Text>
        </Link>
      ))}
    </div>
  );
}

export function Side({ one, workspace }: { one: Conversation; workspace: string }) {
  const { t } = useTexts();
  return (
    <Card withBorder padding="md" component="section" className="about" aria-label={t("desk.about")}>
      <Stack><Handling one={one} workspace={workspace} /><Person one={one} workspace={workspace} /><Others one={one} workspace={workspace} /></Stack>
    </Card>
  );
}
