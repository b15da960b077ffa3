import { Badge, Button, Checkbox, Code, Group, Modal, Stack, Table, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Once } from "../../parts/once";
import { Paged, usePaged } from "../../parts/paged";
import { RoleSelect, useMay } from "../../parts/role";
import { Actions, Confirm, Empty, Section, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

/** What a key may be narrowed to. */
const AREAS = ["workspace", "chatbots", "knowledge", "conversations", "integrations", "sending", "analytics"] as const;
type Area = Schemas["Area"];

/** What the key may beside its role, in words. */
function Scope({ of }: { of: Schemas["ApiKey"] }) {
  const { t, word } = useTexts();
  const words = [...(of.read_only ? [t("keys.readOnly")] : []), ...(of.areas ?? []).map((area) => word("area", area))];
  return words.length > 0 && <Text size="xs" c="dimmed" className="words">{words.join(", ")}</Text>;
}

function Make({ workspace, onClose }: { workspace: string; onClose: () => void }) {
  const { t, word } = useTexts();
  const [name, setName] = useState("");
  const [role, setRole] = useState("viewer");
  const [readOnly, setReadOnly] = useState(false);
  const [narrowed, setNarrowed] = useState(false);
  const [areas, setAreas] = useState<string[]>([]);
  const make = useAct(async () => ask(api.POST("/api/workspaces/{workspace_id}/api-keys", { params: { path: { workspace_id: workspace } }, body: { name, role, read_only: readOnly, areas: narrowed ? (areas as Area[]) : null } })), ["keys", workspace], ["activity", workspace]);
  if (make.data) {
    return (
      <Stack>
        <Once label={make.data.api_key.name} value={make.data.key} note={t("keys.use")} />
        <Group justify="flex-end"><Button onClick={onClose}>{t("do.close")}</Button></Group>
      </Stack>
    );
  }
  return (
    <form onSubmit={(event) => { event.preventDefault(); make.mutate(undefined); }}>
      <Stack>
        <TextInput label={t("col.name")} description={t("keys.nameHint")} required value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
        <RoleSelect label={t("keys.may")} description={t(`role.${role as "viewer"}.what`)} value={role} onChange={(event) => setRole(event.currentTarget.value)} />
        <Checkbox label={t("keys.readOnly")} description={t("keys.readOnlyHint")} checked={readOnly} onChange={(event) => setReadOnly(event.currentTarget.checked)} />
        <Checkbox label={t("keys.narrow")} description={t("keys.narrowHint")} checked={narrowed} onChange={(event) => setNarrowed(event.currentTarget.checked)} />
        {narrowed && (
          <Checkbox.Group label={t("keys.areas")} value={areas} onChange={setAreas}>
            <Stack gap="xs" mt="xs">{AREAS.map((area) => <Checkbox key={area} value={area} label={word("area", area)} />)}</Stack>
          </Checkbox.Group>
        )}
        {make.error && <Wrong error={make.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={make.isPending}>{t("keys.make")}</Button></Group>
      </Stack>
    </form>
  );
}

export default function Keys({ workspace }: { workspace: string }) {
  const { t, ago, word } = useTexts();
  const owner = useMay(workspace, "owner");
  const [making, setMaking] = useState(false);
  const [gone, setGone] = useState<Schemas["ApiKey"] | null>(null);
  const path = { workspace_id: workspace };
  const keys = usePaged(["keys", workspace], (after) => ask(api.GET("/api/workspaces/{workspace_id}/api-keys", { params: { path, query: { after } } })));
  const revoke = useAct((api_key_id: string) => ask(api.DELETE("/api/workspaces/{workspace_id}/api-keys/{api_key_id}", { params: { path: { ...path, api_key_id } } })), ["keys", workspace], ["activity", workspace]);
  return (
    <Section title={t("workspace.keys")} action={owner && <Button size="xs" onClick={() => setMaking(true)}>{t("keys.make")}</Button>}>
      <Paged of={keys} empty={<Empty title={t("keys.none")}>{t("keys.noneHint")}</Empty>}>
        {(items) => (
          <Table.ScrollContainer minWidth={560}>
            <Table verticalSpacing="sm" aria-label={t("workspace.keys")}>
              <Table.Thead><Table.Tr><Table.Th>{t("col.name")}</Table.Th><Table.Th>{t("keys.may")}</Table.Th><Table.Th>{t("col.used")}</Table.Th><Actions /></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((key) => (
                <Table.Tr key={key.id}>
                  <Table.Td><Text size="sm" fw={600} className="words">{key.name}</Text><Code>{key.prefix}…</Code> <Text size="xs" c="dimmed" span>{t("keys.made", { ago: ago(key.created_at) })}</Text></Table.Td>
                  <Table.Td><Text size="sm">{word("role", key.role)}</Text><Scope of={key} /></Table.Td>
                  <Table.Td><Text size="sm" c="dimmed">{key.last_used_at ? ago(key.last_used_at) : t("never")}</Text></Table.Td>
                  <Table.Td><Group justify="flex-end">{key.revoked_at
                    ? <Badge color="gray">{t("keys.revoked", { ago: ago(key.revoked_at) })}</Badge>
                    : <Button size="xs" variant="default" onClick={() => setGone(key)} aria-label={`${t("keys.revoke")}: ${key.name}`}>{t("keys.revoke")}</Button>}</Group></Table.Td>
                </Table.Tr>
              ))}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Paged>
      <Modal opened={making} onClose={() => setMaking(false)} title={t("keys.make")} closeButtonProps={{ "aria-label": t("do.close") }}>{making && <Make workspace={workspace} onClose={() => setMaking(false)} />}</Modal>
      <Confirm opened={gone !== null} onClose={() => setGone(null)} title={t("keys.revokeTitle")} action={t("keys.revoke")} onConfirm={async () => gone && revoke.mutateAsync(gone.id)}>{t("keys.revokeWhat", { name: gone?.name ?? "" })}</Confirm>
    </Section>
  );
}
