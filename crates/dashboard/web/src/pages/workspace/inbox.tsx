// What the inbox is worked with: labels and canned replies.

import { Badge, Button, Code, Group, Modal, NativeSelect, Stack, Table, Text, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useCannedReplies, useLabels } from "../../api/hooks";
import { useAct } from "../../parts/act";
import { COLOURS } from "../../parts/inbox/labels";
import { useMay } from "../../parts/role";
import { Actions, Confirm, Empty, Section, Shown, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

type Label = Schemas["Label"];
type Canned = Schemas["CannedReply"];

function EditLabel({ workspace, label, onClose }: { workspace: string; label?: Label; onClose: () => void }) {
  const { t, word } = useTexts();
  const [name, setName] = useState(label?.name ?? "");
  const [colour, setColour] = useState(label?.colour ?? "blue");
  const path = { workspace_id: workspace };
  const body = { name, colour };
  const save = useAct(async () => label
    ? ask(api.PUT("/api/workspaces/{workspace_id}/labels/{label_id}", { params: { path: { ...path, label_id: label.id } }, body }))
    : ask(api.POST("/api/workspaces/{workspace_id}/labels", { params: { path }, body })), ["labels", workspace], ["conversations"], ["conversation"]);
  return (
    <Modal opened onClose={onClose} title={t(label ? "desk.editLabel" : "desk.newLabel")} closeButtonProps={{ "aria-label": t("do.close") }}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined, { onSuccess: onClose }); }}>
        <Stack>
          <TextInput label={t("col.name")} required maxLength={40} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
          <NativeSelect label={t("desk.colour")} value={colour} onChange={(event) => setColour(event.currentTarget.value)} data={COLOURS.map((value) => ({ value, label: word("colour", value) }))} />
          <Badge color={colour} tt="none">{name || t("desk.label")}</Badge>
          {save.error && <Wrong error={save.error} />}
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={save.isPending}>{t("do.save")}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}

function LabelList({ workspace }: { workspace: string }) {
  const { t } = useTexts();
  const may = useMay(workspace, "admin");
  const labels = useLabels(workspace);
  const [edited, setEdited] = useState<Label | "new" | null>(null);
  const [gone, setGone] = useState<Label | null>(null);
  const drop = useAct((label_id: string) => ask(api.DELETE("/api/workspaces/{workspace_id}/labels/{label_id}", { params: { path: { workspace_id: workspace, label_id } } })), ["labels", workspace], ["conversations"], ["conversation"]);
  return (
    <Section title={t("desk.labels")} note={t("desk.labelsNote")} action={may && <Button size="xs" onClick={() => setEdited("new")}>{t("desk.newLabel")}</Button>}>
      <Shown of={labels}>
        {({ items }) => items.length === 0 ? <Empty title={t("desk.noLabels")}>{t("desk.noLabelsHint")}</Empty> : (
          <Table verticalSpacing="xs" aria-label={t("desk.labels")}>
            <Table.Thead><Table.Tr><Table.Th>{t("col.name")}</Table.Th><Actions /></Table.Tr></Table.Thead>
            <Table.Tbody>{items.map((label) => (
              <Table.Tr key={label.id}>
                <Table.Td><Badge color={label.colour} tt="none">{label.name}</Badge></Table.Td>
                <Table.Td>{may && <Group justify="flex-end" gap="xs"><Button size="xs" variant="default" onClick={() => setEdited(label)} aria-label={`${t("desk.edit")}: ${label.name}`}>{t("desk.edit")}</Button><Button size="xs" variant="default" onClick={() => setGone(label)} aria-label={`${t("do.delete")}: ${label.name}`}>{t("do.delete")}</Button></Group>}</Table.Td>
              </Table.Tr>
            ))}</Table.Tbody>
          </Table>
        )}
      </Shown>
      {edited && <EditLabel workspace={workspace} label={edited === "new" ? undefined : edited} onClose={() => setEdited(null)} />}
      <Confirm opened={gone !== null} onClose={() => setGone(null)} title={t("desk.dropLabel")} action={t("do.delete")} onConfirm={async () => gone && drop.mutateAsync(gone.id)}>{t("desk.dropLabelWhat", { name: gone?.name ?? "" })}</Confirm>
    </Section>
  );
}

function EditCanned({ workspace, reply, onClose }: { workspace: string; reply?: Canned; onClose: () => void }) {
  const { t } = useTexts();
  const [name, setName] = useState(reply?.name ?? "");
  const [text, setText] = useState(reply?.text ?? "");
  const path = { workspace_id: workspace };
  const body = { name, text };
  const save = useAct(async () => reply
    ? ask(api.PUT("/api/workspaces/{workspace_id}/canned-replies/{canned_reply_id}", { params: { path: { ...path, canned_reply_id: reply.id } }, body }))
    : ask(api.POST("/api/workspaces/{workspace_id}/canned-replies", { params: { path }, body })), ["canned", workspace]);
  return (
    <Modal opened onClose={onClose} title={t(reply ? "desk.editCanned" : "desk.newCanned")} size="lg" closeButtonProps={{ "aria-label": t("do.close") }}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined, { onSuccess: onClose }); }}>
        <Stack>
          <TextInput label={t("desk.cannedName")} description={t("desk.cannedNameHint")} required maxLength={40} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
          <Textarea label={t("desk.cannedText")} description={t("desk.cannedTextHint", { contact: "{{contact.name}}", agent: "{{agent.name}}" })} required maxLength={4000} value={text} onChange={(event) => setText(event.currentTarget.value)} />
          {save.error && <Wrong error={save.error} />}
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={save.isPending}>{t("do.save")}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}

function CannedList({ workspace }: { workspace: string }) {
  const { t } = useTexts();
  const may = useMay(workspace, "agent");
  const replies = useCannedReplies(workspace);
  const [edited, setEdited] = useState<Canned | "new" | null>(null);
  const [gone, setGone] = useState<Canned | null>(null);
  const drop = useAct((canned_reply_id: string) => ask(api.DELETE("/api/workspaces/{workspace_id}/canned-replies/{canned_reply_id}", { params: { path: { workspace_id: workspace, canned_reply_id } } })), ["canned", workspace]);
  return (
    <Section title={t("desk.canned")} note={t("desk.cannedNote")} action={may && <Button size="xs" onClick={() => setEdited("new")}>{t("desk.newCanned")}</Button>}>
      <Shown of={replies}>
        {({ items }) => items.length === 0 ? <Empty title={t("desk.noCanned")}>{t("desk.noCannedHint")}</Empty> : (
          <Table.ScrollContainer minWidth={480}>
            <Table verticalSpacing="xs" aria-label={t("desk.canned")}>
              <Table.Thead><Table.Tr><Table.Th>{t("col.name")}</Table.Th><Table.Th>{t("desk.cannedText")}</Table.Th><Actions /></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((reply) => (
                <Table.Tr key={reply.id}>
                  <Table.Td><Code>/{reply.name}</Code></Table.Td>
                  <Table.Td><Text size="sm" lineClamp={2} className="words">{reply.text}</Text></Table.Td>
                  <Table.Td>{may && <Group justify="flex-end" gap="xs" wrap="nowrap"><Button size="xs" variant="default" onClick={() => setEdited(reply)} aria-label={`${t("desk.edit")}: ${reply.name}`}>{t("desk.edit")}</Button><Button size="xs" variant="default" onClick={() => setGone(reply)} aria-label={`${t("do.delete")}: ${reply.name}`}>{t("do.delete")}</Button></Group>}</Table.Td>
                </Table.Tr>
              ))}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Shown>
      {edited && <EditCanned workspace={workspace} reply={edited === "new" ? undefined : edited} onClose={() => setEdited(null)} />}
      <Confirm opened={gone !== null} onClose={() => setGone(null)} title={t("desk.dropCanned")} action={t("do.delete")} onConfirm={async () => gone && drop.mutateAsync(gone.id)}>{t("desk.dropCannedWhat", { name: gone?.name ?? "" })}</Confirm>
    </Section>
  );
}

export default function InboxSettings({ workspace }: { workspace: string }) {
  return <Stack><LabelList workspace={workspace} /><CannedList workspace={workspace} /></Stack>;
}
