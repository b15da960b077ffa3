import { Badge, Button, Group, Modal, Table, Text } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router-dom";
import { api, ask, type Schemas } from "../../api/client";
import { useMe } from "../../api/hooks";
import { ChoiceFilter, Filters, TextFilter, useFilters } from "../../parts/filters";
import { Paged, usePaged } from "../../parts/paged";
import { Actions, Empty, Section, State } from "../../parts/state";
import { useTexts } from "../../texts";
import { Account } from "./account";
import { BringIn } from "./bring-in";
import { WorkspaceFilter } from "./shared";

function Person({ user }: { user: Schemas["UserOverview"] }) {
  const { t } = useTexts();
  const own = useMe().data?.user.id === user.id;
  return (
    <>
      <Group gap="xs"><Text size="sm" fw={600} className="words">{user.name || user.email}</Text>{own && <Badge color="gray">{t("members.you")}</Badge>}{user.is_administrator && <Badge color="indigo">{t("users.administrator")}</Badge>}</Group>
      {user.name && <Text size="xs" c="dimmed" className="words">{user.email}</Text>}
    </>
  );
}

function Row({ user, search }: { user: Schemas["UserOverview"]; search: string }) {
  const { t, ago, word } = useTexts();
  return (
    <Table.Tr>
      <Table.Td><Person user={user} /></Table.Td>
      <Table.Td><State value={user.state} />{user.second_factor_since && <Text size="xs">{t("mfa.short")}</Text>}{user.must_change_password && <Text size="xs">{t("users.mustChange")}</Text>}</Table.Td>
      <Table.Td><Text size="sm" style={{ whiteSpace: "nowrap" }}>{user.last_sign_in_at ? ago(user.last_sign_in_at) : t("never")}</Text>{user.last_sign_in_ip && <Text size="xs" c="dimmed">{user.last_sign_in_ip}</Text>}</Table.Td>
      <Table.Td><Text size="sm">{t("users.browsers", { count: user.sessions })}</Text></Table.Td>
      <Table.Td>{user.workspaces.length ? user.workspaces.map((seat) => <Text key={seat.id} size="sm" className="words">{seat.name} · {word("role", seat.role)}</Text>) : <Text size="sm" c="dimmed">{t("users.noWorkspaces")}</Text>}</Table.Td>
      <Table.Td><Group justify="flex-end"><Button component={Link} to={`/admin/users?${search}`} size="xs" variant="default" aria-label={`${t("users.manage")}: ${user.email}`}>{t("users.manage")}</Button></Group></Table.Td>
    </Table.Tr>
  );
}

export default function Users() {
  const { t, word } = useTexts();
  const { chosen, set, query } = useFilters(["q", "state", "is_administrator", "workspace_id"]);
  const [bringing, setBringing] = useState(false);
  const users = usePaged(["admin", "users", chosen], (after) => ask(api.GET("/api/administration/users", {
    params: { query: { ...chosen, is_administrator: chosen.is_administrator === undefined ? undefined : chosen.is_administrator === "true", after } },
  })));
  const opened = query.get("user");
  const without = new URLSearchParams(query);
  without.delete("user");
  if (opened) return <Account key={opened} id={opened} back={`/admin/users?${without}`} />;
  return (
    <Section title={t("admin.users")} action={<Button size="xs" onClick={() => setBringing(true)}>{t("users.bringIn")}</Button>}>
      <Filters>
        <TextFilter label={t("users.search")} value={chosen.q} onChange={(value) => set("q", value)} />
        <ChoiceFilter label={t("col.state")} value={chosen.state} onChange={(value) => set("state", value)} options={["active", "invited", "disabled"].map((value) => ({ value, label: word("state", value) }))} />
        <ChoiceFilter label={t("users.who")} value={chosen.is_administrator} onChange={(value) => set("is_administrator", value)} options={[{ value: "true", label: t("users.administrators") }, { value: "false", label: t("users.others") }]} />
        <WorkspaceFilter value={chosen.workspace_id} onChange={(value) => set("workspace_id", value)} />
      </Filters>
      <Paged of={users} empty={<Empty title={t("users.none")}>{t("users.noneHint")}</Empty>}>
        {(items) => (
          <Table.ScrollContainer minWidth={860}>
            <Table verticalSpacing="sm" aria-label={t("admin.users")}>
              <Table.Thead><Table.Tr><Table.Th>{t("col.person")}</Table.Th><Table.Th>{t("col.state")}</Table.Th><Table.Th>{t("col.signedIn")}</Table.Th><Table.Th>{t("users.sessions")}</Table.Th><Table.Th>{t("admin.workspaces")}</Table.Th><Actions /></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((user) => <Row key={user.id} user={user} search={`${new URLSearchParams({ ...chosen, user: user.id })}`} />)}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Paged>
      <Modal opened={bringing} onClose={() => setBringing(false)} title={t("users.bringIn")} closeButtonProps={{ "aria-label": t("do.close") }}>{bringing && <BringIn onClose={() => setBringing(false)} />}</Modal>
    </Section>
  );
}
