import { Button, Checkbox, Group, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { MANY } from "../../api/hooks";
import { useAct } from "../../parts/act";
import { Once } from "../../parts/once";
import { RoleSelect } from "../../parts/role";
import { Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

/** The link by which somebody chooses a password. */
export function PasswordLink({ made }: { made: Schemas["BroughtIn"] }) {
  const { t, time } = useTexts();
  return <Once label={t("users.link", { email: made.user.email })} value={made.link} note={t("users.linkNote", { until: time(made.expires_at) })} />;
}

export function BringIn({ onClose }: { onClose: () => void }) {
  const { t } = useTexts();
  const [email, setEmail] = useState("");
  const [name, setName] = useState("");
  const [administrator, setAdministrator] = useState(false);
  const [workspace, setWorkspace] = useState("");
  const [role, setRole] = useState("agent");
  const workspaces = useQuery({ queryKey: ["admin", "workspaces", "first"], staleTime: 60_000, queryFn: () => ask(api.GET("/api/administration/workspaces", { params: { query: { limit: MANY } } })) });
  const bring = useAct(async () => ask(api.POST("/api/administration/users", { body: { email, name, is_administrator: administrator, ...(workspace && { workspace_id: workspace, role }) } })), ["admin"]);
  if (bring.data) {
    return (
      <Stack>
        <PasswordLink made={bring.data} />
        <Group justify="flex-end"><Button onClick={onClose}>{t("do.close")}</Button></Group>
      </Stack>
    );
  }
  return (
    <form onSubmit={(event) => { event.preventDefault(); bring.mutate(undefined); }}>
      <Stack>
        <Text size="sm" c="dimmed">{t("users.bringInNote")}</Text>
        <TextInput label={t("signIn.email")} type="email" required value={email} onChange={(event) => setEmail(event.currentTarget.value)} data-autofocus />
        <TextInput label={t("col.name")} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <NativeSelect label={t("nav.workspace")} value={workspace} onChange={(event) => setWorkspace(event.currentTarget.value)} data={[{ value: "", label: t("users.noWorkspace") }, ...(workspaces.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))]} />
        {workspace && <RoleSelect label={t("col.role")} description={t(`role.${role as "agent"}.what`)} value={role} onChange={(event) => setRole(event.currentTarget.value)} />}
        <Checkbox label={t("users.makeAdministrator")} checked={administrator} onChange={(event) => setAdministrator(event.currentTarget.checked)} />
        {bring.error && <Wrong error={bring.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={bring.isPending}>{t("members.makeLink")}</Button></Group>
      </Stack>
    </form>
  );
}
