// Who was invited and has not come yet.

import { Alert, Button, Group, Modal, Table, Text } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Once } from "../../parts/once";
import { Paged, usePaged } from "../../parts/paged";
import { Actions, Confirm, Empty, Section, State, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

type Open = Schemas["OpenInvitation"];

/** An invitation that was made: its link to hand over, or that it is on its way. */
export function Made({ invitation }: { invitation: Schemas["Invitation"] }) {
  const { t, time } = useTexts();
  const { email, link, expires_at } = invitation;
  const until = time(expires_at);
  return link
    ? <Once label={t("members.link", { email })} value={link} note={t("members.linkNote", { until })} />
    : <Alert color="green" role="status">{t("invitations.mailed", { email, until })}</Alert>;
}

export function Invitations({ workspace }: { workspace: string }) {
  const { t, time, ago, word } = useTexts();
  const [gone, setGone] = useState<Open | null>(null);
  const path = { workspace_id: workspace };
  const stale = [["invitations", workspace], ["activity", workspace]];
  const open = usePaged(["invitations", workspace], (after) => ask(api.GET("/api/workspaces/{workspace_id}/invitations", { params: { path, query: { after } } })));
  const at = (invitation_id: string) => ({ params: { path: { ...path, invitation_id } } });
  const send = useAct((id: string) => ask(api.POST("/api/workspaces/{workspace_id}/invitations/{invitation_id}/send", at(id))), ...stale);
  const withdraw = useAct((id: string) => ask(api.DELETE("/api/workspaces/{workspace_id}/invitations/{invitation_id}", at(id))), ...stale);
  return (
    <Section title={t("invitations.title")} note={t("invitations.note")}>
      {send.error && <Wrong error={send.error} />}
      <Paged of={open} empty={<Empty title={t("invitations.none")}>{t("invitations.noneHint")}</Empty>}>
        {(items) => (
          <Table.ScrollContainer minWidth={620}>
            <Table verticalSpacing="sm" aria-label={t("invitations.title")}>
              <Table.Thead><Table.Tr><Table.Th>{t("invitations.to")}</Table.Th><Table.Th>{t("col.role")}</Table.Th><Table.Th>{t("invitations.by")}</Table.Th><Table.Th>{t("invitations.until")}</Table.Th><Actions /></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((invitation) => (
                <Table.Tr key={invitation.id}>
                  <Table.Td><Text size="sm" fw={600} className="words">{invitation.email}</Text>{invitation.mail && <State kind="mailState" value={invitation.mail} />}</Table.Td>
                  <Table.Td><Text size="sm">{word("role", invitation.role)}</Text></Table.Td>
                  <Table.Td><Text size="sm" className="words">{invitation.invited_by ?? t("activity.gone")}</Text><Text size="xs" c="dimmed">{ago(invitation.created_at)}</Text></Table.Td>
                  <Table.Td><Text size="sm" c={invitation.ended ? "red" : undefined}>{invitation.ended ? t("invitations.ended", { until: time(invitation.expires_at) }) : time(invitation.expires_at)}</Text></Table.Td>
                  <Table.Td>
                    <Group justify="flex-end" gap="xs">
                      <Button size="xs" variant="default" loading={send.isPending && send.variables === invitation.id} onClick={() => send.mutate(invitation.id)} aria-label={`${t("invitations.send")}: ${invitation.email}`}>{t("invitations.send")}</Button>
                      <Button size="xs" variant="default" onClick={() => setGone(invitation)} aria-label={`${t("invitations.withdraw")}: ${invitation.email}`}>{t("invitations.withdraw")}</Button>
                    </Group>
                  </Table.Td>
                </Table.Tr>
              ))}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Paged>
      <Modal opened={send.data !== undefined} onClose={send.reset} title={t("invitations.send")} closeButtonProps={{ "aria-label": t("do.close") }}>{send.data && <Made invitation={send.data} />}</Modal>
      <Confirm opened={gone !== null} onClose={() => setGone(null)} title={t("invitations.withdrawTitle")} action={t("invitations.withdraw")} onConfirm={async () => gone && withdraw.mutateAsync(gone.id)}>{t("invitations.withdrawWhat", { email: gone?.email ?? "" })}</Confirm>
    </Section>
  );
}
