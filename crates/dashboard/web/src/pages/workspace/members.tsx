import { Badge, Button, Group, Modal, Stack, Table, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useMail, useMe } from "../../api/hooks";
import { useAct } from "../../parts/act";
import { Paged, usePaged } from "../../parts/paged";
import { RoleSelect, useMay } from "../../parts/role";
import { Actions, Confirm, Empty, Section, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";
import { Invitations, Made } from "./invitations";

type Member = Schemas["Member"];

function Invite({ workspace, onClose }: { workspace: string; onClose: () => void }) {
  const { t } = useTexts();
  const mail = useMail();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState("agent");
  const invite = useAct(async () => ask(api.POST("/api/workspaces/{workspace_id}/invitations", { params: { path: { workspace_id: workspace } }, body: { email, role } })), ["activity", workspace], ["invitations", workspace]);
  if (invite.data) {
    return (
      <Stack>
        <Made invitation={invite.data} />
        <Group justify="flex-end"><Button onClick={onClose}>{t("do.close")}</Button></Group>
      </Stack>
    );
  }
  return (
    <form onSubmit={(event) => { event.preventDefault(); invite.mutate(undefined); }}>
      <Stack>
        <TextInput label={t("signIn.email")} type="email" required value={email} onChange={(event) => setEmail(event.currentTarget.value)} data-autofocus />
        <RoleSelect label={t("col.role")} description={t(`role.${role as "agent"}.what`)} value={role} onChange={(event) => setRole(event.currentTarget.value)} />
        {mail !== undefined && <Text size="sm" c="dimmed">{t(mail ? "invitations.byMail" : "invitations.byLink")}</Text>}
        {invite.error && <Wrong error={invite.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={invite.isPending}>{t(mail ? "invitations.mail" : "members.makeLink")}</Button></Group>
      </Stack>
    </form>
  );
}

export default function Members({ workspace }: { workspace: string }) {
  const { t, ago, word } = useTexts();
  const owner = useMay(workspace, "owner");
  const own = useMe().data?.user.id;
  const [inviting, setInviting] = useState(false);
  const [gone, setGone] = useState<Member | null>(null);
  const [leaving, setLeaving] = useState<string | null>(null);
  const path = { workspace_id: workspace };
  const members = usePaged(["members", workspace], (after) => ask(api.GET("/api/workspaces/{workspace_id}/members", { params: { path, query: { after } } })));
  const stale = [["members", workspace], ["activity", workspace], ["me"]];
  const at = (user_id: string) => ({ params: { path: { ...path, user_id } } });
  const change = useAct(({ id, role }: { id: string; role: string }) => ask(api.PATCH("/api/workspaces/{workspace_id}/members/{user_id}", { ...at(id), body: { role } })), ...stale);
  const remove = useAct((id: string) => ask(api.DELETE("/api/workspaces/{workspace_id}/members/{user_id}", at(id))), ...stale);
  const choose = (member: Member, role: string) => (member.user_id === own ? setLeaving(role) : change.mutate({ id: member.user_id, role }));
  return (
    <Stack>
      <Section title={t("workspace.members")} note={owner ? undefined : t("role.ownersOnly")} action={owner && <Button size="xs" onClick={() => setInviting(true)}>{t("members.invite")}</Button>}>
        {change.error && <Wrong error={change.error} />}
        <Paged of={members} empty={<Empty title={t("members.none")} />}>
          {(items) => (
            <Table.ScrollContainer minWidth={560}>
              <Table verticalSpacing="sm" aria-label={t("workspace.members")}>
                <Table.Thead><Table.Tr><Table.Th>{t("col.person")}</Table.Th><Table.Th>{t("col.role")}</Table.Th><Table.Th>{t("col.signedIn")}</Table.Th><Actions /></Table.Tr></Table.Thead>
                <Table.Tbody>{items.map((member) => (
                  <Table.Tr key={member.user_id}>
                    <Table.Td>
                      <Group gap="xs"><Text size="sm" fw={600} className="words">{member.name || member.email}</Text>{member.user_id === own && <Badge color="gray">{t("members.you")}</Badge>}{member.disabled_at && <Badge color="red">{t("members.disabled")}</Badge>}</Group>
                      {member.name && <Text size="xs" c="dimmed" className="words">{member.email}</Text>}
                    </Table.Td>
                    <Table.Td>{owner
                      ? <RoleSelect size="xs" aria-label={`${t("col.role")}: ${member.email}`} value={member.role} disabled={change.isPending} onChange={(event) => choose(member, event.currentTarget.value)} />
                      : <Text size="sm">{word("role", member.role)}</Text>}</Table.Td>
                    <Table.Td><Text size="sm" c="dimmed">{member.last_sign_in_at ? ago(member.last_sign_in_at) : t("never")}</Text></Table.Td>
                    <Table.Td>{owner && <Group justify="flex-end"><Button size="xs" variant="default" onClick={() => setGone(member)} aria-label={`${t("do.remove")}: ${member.email}`}>{t("do.remove")}</Button></Group>}</Table.Td>
                  </Table.Tr>
                ))}</Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )}
        </Paged>
        <Modal opened={inviting} onClose={() => setInviting(false)} title={t("members.invite")} closeButtonProps={{ "aria-label": t("do.close") }}>{inviting && <Invite workspace={workspace} onClose={() => setInviting(false)} />}</Modal>
        <Confirm opened={gone !== null} onClose={() => setGone(null)} title={t("members.removeTitle")} action={t("do.remove")} onConfirm={async () => gone && remove.mutateAsync(gone.user_id)}>{t("members.removeWhat", { email: gone?.email ?? "" })}</Confirm>
        <Confirm opened={leaving !== null} onClose={() => setLeaving(null)} title={t("members.ownTitle")} action={t("members.own")} onConfirm={async () => leaving && own && change.mutateAsync({ id: own, role: leaving })}>{t("members.ownWhat", { role: word("role", leaving ?? "") })}</Confirm>
      </Section>
      {owner && <Invitations workspace={workspace} />}
    </Stack>
  );
}
