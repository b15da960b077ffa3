import { Table, Text } from "@mantine/core";
import { Link } from "react-router-dom";
import { api, ask } from "../../api/client";
import { Paged, usePaged } from "../../parts/paged";
import { Empty, Section } from "../../parts/state";
import { useTexts } from "../../texts";
import { useIsMine } from "./shared";

export default function Workspaces() {
  const { t, number, time } = useTexts();
  const isMine = useIsMine();
  const workspaces = usePaged(["admin", "workspaces", "all"], (after) => ask(api.GET("/api/administration/workspaces", { params: { query: { after } } })));
  return (
    <Section title={t("admin.workspaces")}>
      <Paged of={workspaces} empty={<Empty title={t("workspaces.none")}>{t("workspaces.noneHint")}</Empty>}>
        {(items) => (
          <Table.ScrollContainer minWidth={560}>
            <Table verticalSpacing="sm" aria-label={t("admin.workspaces")}>
              <Table.Thead><Table.Tr><Table.Th>{t("col.name")}</Table.Th><Table.Th>{t("workspaces.members")}</Table.Th><Table.Th>{t("admin.chatbots")}</Table.Th><Table.Th>{t("admin.conversations")}</Table.Th><Table.Th>{t("workspaces.made")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map(({ id, name, members, chatbots, created_at }) => (
                <Table.Tr key={id}>
                  <Table.Td><Text size="sm" fw={600} className="words">{isMine(id) ? <Link to={`/workspaces/${id}/chatbots`}>{name}</Link> : name}</Text></Table.Td>
                  <Table.Td><Link to={`/admin/users?workspace_id=${id}`} aria-label={`${t("workspaces.members")}: ${number(members)}, ${name}`}>{number(members)}</Link></Table.Td>
                  <Table.Td><Link to={`/admin/chatbots?workspace_id=${id}`} aria-label={`${t("admin.chatbots")}: ${number(chatbots)}, ${name}`}>{number(chatbots)}</Link></Table.Td>
                  <Table.Td><Link to={`/admin/conversations?workspace_id=${id}`} aria-label={`${t("admin.conversations")}: ${name}`}>{t("do.open")}</Link></Table.Td>
                  <Table.Td><Text size="sm" style={{ whiteSpace: "nowrap" }}>{time(created_at)}</Text></Table.Td>
                </Table.Tr>
              ))}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Paged>
    </Section>
  );
}
