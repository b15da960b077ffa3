// One lead: what is known, where they write, and what can be done with it.

import { Alert, Button, Group, Modal, NativeSelect, Stack, Text, Textarea, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Link } from "react-router-dom";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { useMay } from "../../parts/role";
import { Confirm, Loading, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";
import type { Field } from "../chatbot/widget/settings";
import { called, useMembers, useStages } from "./shared";
import { Merge } from "./merge";

type Detail = Schemas["LeadDetail"];
type Typed = { name: string; email: string; phone: string; stage_id: string; assignee_id: string; consent_text: string; fields: Record<string, string> };

/** The fields that the lead's chatbot knows, then those that it has beside them. */
function useFields(lead: Detail["lead"]): Field[] {
  const { chatbot_id } = lead;
  const widget = useQuery({
    queryKey: ["widget", chatbot_id], enabled: Boolean(chatbot_id),
    queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/widget", { params: { path: { chatbot_id: chatbot_id ?? "" } } })),
  });
  const set = ((widget.data as unknown as { pre_chat?: Field[] } | undefined)?.pre_chat ?? []).filter((field) => !["name", "email", "phone"].includes(field.name));
  const others = Object.keys(lead.fields as object).filter((name) => !set.some((field) => field.name === name));
  return [...set, ...others.map((name): Field => ({ name, type: "text", required: false }))];
}

function Form({ detail: { lead }, workspace }: { detail: Detail; workspace: string }) {
  const { t, time, word } = useTexts();
  const [stages, members, fields] = [useStages(workspace), useMembers(workspace), useFields(lead)];
  const agent = useMay(workspace, "agent");
  const before: Typed = {
    name: lead.name ?? "", email: lead.email ?? "", phone: lead.phone ?? "", stage_id: lead.stage_id, assignee_id: lead.assignee_id ?? "", consent_text: lead.consent_text ?? "",
    fields: lead.fields as unknown as Record<string, string>,
  };
  const [typed, setTyped] = useState(before);
  const save = useAct(async () => {
    const body: Schemas["LeadInput"] = { fields: {} };
    for (const name of ["name", "email", "phone", "assignee_id", "consent_text"] as const) if (typed[name] !== before[name]) body[name] = typed[name] || null;
    if (typed.stage_id !== before.stage_id) body.stage_id = typed.stage_id;
    body.fields = Object.fromEntries(Object.entries(typed.fields).filter(([name, value]) => value !== (before.fields[name] ?? "")).map(([name, value]) => [name, value || null])) as never;
    return ask(api.PATCH("/api/workspaces/{workspace_id}/leads/{lead_id}", { params: { path: { workspace_id: workspace, lead_id: lead.id } }, body }));
  }, ["lead", lead.id], ["leads", workspace], ["lead-stages", workspace]);
  const set = (part: Partial<Typed>) => { setTyped({ ...typed, ...part }); save.reset(); };
  const setField = (name: string, value: string) => set({ fields: { ...typed.fields, [name]: value } });
  const submit = (event: FormEvent) => { event.preventDefault(); save.mutate(undefined); };
  return (
    <form onSubmit={submit}>
      <fieldset disabled={!agent} style={{ border: 0, margin: 0, padding: 0, minWidth: 0 }}>
        <Stack gap="sm">
          <Group grow preventGrowOverflow={false} align="flex-start" gap="sm">
            <TextInput miw={160} label={t("col.name")} maxLength={200} value={typed.name} onChange={(event) => set({ name: event.currentTarget.value })} />
            <TextInput miw={160} label={t("leads.email")} type="email" maxLength={200} value={typed.email} onChange={(event) => set({ email: event.currentTarget.value })} />
            <TextInput miw={160} label={t("leads.phone")} type="tel" maxLength={200} value={typed.phone} onChange={(event) => set({ phone: event.currentTarget.value })} />
          </Group>
          <Group grow preventGrowOverflow={false} align="flex-start" gap="sm">
            <NativeSelect miw={160} label={t("leads.stage")} value={typed.stage_id} onChange={(event) => set({ stage_id: event.currentTarget.value })} data={(stages.data?.items ?? [{ id: lead.stage_id, name: lead.stage }]).map(({ id, name }) => ({ value: id, label: word("leadStage", name) }))} />
            <NativeSelect miw={160} label={t("leads.assignee")} value={typed.assignee_id} onChange={(event) => set({ assignee_id: event.currentTarget.value })} data={[{ value: "", label: t("leads.nobody") }, ...(members.data?.items ?? []).map((member) => ({ value: member.user_id, label: member.name || member.email }))]} />
          </Group>
          {fields.length > 0 && (
            <Group grow preventGrowOverflow={false} align="flex-start" gap="sm">
              {fields.map((field) => field.type === "choice"
                ? <NativeSelect key={field.name} miw={160} label={field.label || field.name} value={typed.fields[field.name] ?? ""} onChange={(event) => setField(field.name, event.currentTarget.value)} data={["", ...(field.choices ?? [])].map((value) => ({ value, label: value || "–" }))} />
                : <TextInput key={field.name} miw={160} label={field.label || field.name} maxLength={200} value={typed.fields[field.name] ?? ""} onChange={(event) => setField(field.name, event.currentTarget.value)} />)}
            </Group>
          )}
          <Textarea label={t("leads.consent")} description={lead.consented_at ? t("alead.agreedAt", { time: time(lead.consented_at) }) : t("leads.consentHint")} autosize minRows={1} maxRows={6} maxLength={1000} value={typed.consent_text} onChange={(event) => set({ consent_text: event.currentTarget.value })} />
          {save.error && <Wrong error={save.error} />}
          {agent && <Group><Button type="submit" loading={save.isPending}>{t("do.save")}</Button>{save.isSuccess && <Text size="sm" role="status">{t("leads.saved")}</Text>}</Group>}
        </Stack>
      </fieldset>
    </form>
  );
}

function Talks({ contacts, workspace }: { contacts: Schemas["LeadContact"][]; workspace: string }) {
  const { t, ago, word } = useTexts();
  if (!contacts.length) return <Text size="sm" c="dimmed">{t("leads.noTalks")}</Text>;
  return (
    <Stack gap={4}>
      {contacts.map((contact) => (
        <Text key={contact.conversation_id ?? contact.contact_id} size="sm" className="words">
          {contact.conversation_id ? <Link to={`/workspaces/${workspace}/inbox/${contact.conversation_id}`}>{contact.chatbot_name} · {word("platform", contact.platform)}</Link> : `${contact.chatbot_name} · ${word("platform", contact.platform)}`}
          {contact.last_inbound_at && ` · ${ago(contact.last_inbound_at)}`}
        </Text>
      ))}
    </Stack>
  );
}

/** What the law asks for. */
function Data({ detail: { lead }, workspace }: { detail: Detail; workspace: string }) {
  const { t } = useTexts();
  const [gone, setGone] = useState(false);
  const params = { path: { workspace_id: workspace, lead_id: lead.id } };
  const take = useAct(async () => ask(api.POST("/api/workspaces/{workspace_id}/leads/{lead_id}/export", { params })), ["data-jobs", workspace]);
  const erase = useAct(async () => ask(api.POST("/api/workspaces/{workspace_id}/leads/{lead_id}/erase", { params })), ["data-jobs", workspace], ["leads", workspace]);
  const where = <Link to={`/workspaces/${workspace}/settings/privacy`}>{t("workspace.privacy")}</Link>;
  return (
    <Stack gap="xs" align="flex-start">
      <Text size="sm" c="dimmed">{t("leads.dataWhat")}</Text>
      <Group gap="sm"><Button variant="default" onClick={() => take.mutate(undefined)} loading={take.isPending}>{t("leads.export")}</Button><Button variant="outline" color="red" onClick={() => setGone(true)}>{t("leads.erase")}</Button></Group>
      {(take.error ?? erase.error) && <Wrong error={take.error ?? erase.error} />}
      {(take.data ?? erase.data) && <Alert color="blue" role="status"><Text size="sm">{t(erase.data ? "leads.erasing" : "leads.exporting")} {where}</Text></Alert>}
      <Confirm opened={gone} onClose={() => setGone(false)} title={t("leads.eraseTitle", { name: called(lead) })} name={called(lead)} action={t("leads.erase")} onConfirm={() => erase.mutateAsync(undefined)}>{t("leads.eraseWhat")}</Confirm>
    </Stack>
  );
}

export default function Panel({ workspace, id, onClose, onOpen }: { workspace: string; id: string; onClose: () => void; onOpen: (id: string) => void }) {
  const { t } = useTexts();
  const [agent, admin] = [useMay(workspace, "agent"), useMay(workspace, "admin")];
  const [merging, setMerging] = useState(false);
  const detail = useQuery({ queryKey: ["lead", id], queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/leads/{lead_id}", { params: { path: { workspace_id: workspace, lead_id: id } } })) });
  return (
    <Modal opened onClose={onClose} title={detail.data ? called(detail.data.lead) : t("leads.one")} size="xl" closeButtonProps={{ "aria-label": t("do.close") }}>
      {detail.error && <Wrong error={detail.error} retry={() => void detail.refetch()} />}
      {!detail.data && !detail.error && <Loading />}
      {detail.data && (
        <Stack gap="lg">
          <Form key={detail.data.lead.updated_at} detail={detail.data} workspace={workspace} />
          <section aria-labelledby="lead-talks"><Title order={3} size="h4" id="lead-talks" mb={4}>{t("leads.talks")}</Title><Talks contacts={detail.data.contacts} workspace={workspace} /></section>
          {agent && <section aria-labelledby="lead-merge"><Title order={3} size="h4" id="lead-merge" mb={4}>{t("leads.merge")}</Title>{merging ? <Merge workspace={workspace} into={detail.data.lead} onClose={() => setMerging(false)} onDone={onOpen} /> : <Stack gap="xs" align="flex-start"><Text size="sm" c="dimmed">{t("leads.mergeWhat")}</Text><Button variant="default" onClick={() => setMerging(true)}>{t("leads.mergeChoose")}</Button></Stack>}</section>}
          {admin && <section aria-labelledby="lead-data"><Title order={3} size="h4" id="lead-data" mb={4}>{t("leads.data")}</Title><Data detail={detail.data} workspace={workspace} /></section>}
        </Stack>
      )}
    </Modal>
  );
}
