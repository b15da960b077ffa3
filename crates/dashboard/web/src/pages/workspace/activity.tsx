import { Code, Table, Text } from "@mantine/core";
import { api, ask, type Schemas } from "../../api/client";
import { Paged, usePaged } from "../../parts/paged";
import { said } from "../../parts/said";
import { Empty, Section } from "../../parts/state";
import { useTexts } from "../../texts";

function Change({ change }: { change: Schemas["Activity"] }) {
  const { t, time, word } = useTexts();
  const details = said(change.details);
  // Who acted as a member need not be one.
  const { administrator } = change.details as { administrator?: string };
  return (
    <Table.Tr>
      <Table.Td><Text size="sm" fw={600}>{word("action", change.action)}</Text>{details && <Text size="xs" className="words">{details}</Text>}</Table.Td>
      <Table.Td><Text size="sm" className="words">{change.email ?? administrator ?? t(change.api_key_id ? "activity.key" : "activity.gone")}</Text>{change.ip && <Text size="xs" c="dimmed">{change.ip}</Text>}</Table.Td>
      <Table.Td><Text size="sm" style={{ whiteSpace: "nowrap" }}>{time(change.at)}</Text></Table.Td>
      <Table.Td>{change.target && <Code className="words">{change.target}</Code>}</Table.Td>
    </Table.Tr>
  );
}

export default function Activity({ workspace }: { workspace: string }) {
  const { t } = useTexts();
  const changes = usePaged(["activity", workspace], (after) => ask(api.GET("/api/workspaces/{workspace_id}/activity", { params: { path: { workspace_id: workspace }, query: { after } } })));
  return (
    <Section title={t("workspace.activity")}>
      <Paged of={changes} empty={<Empty title={t("activity.none")}>{t("activity.noneHint")}</Empty>}>
        {(items) => (
          <Table.ScrollContainer minWidth={720}>
            <Table verticalSpacing="xs" aria-label={t("workspace.activity")}>
              <Table.Thead><Table.Tr><Table.Th>{t("activity.what")}</Table.Th><Table.Th>{t("col.by")}</Table.Th><Table.Th>{t("col.when")}</Table.Th><Table.Th>{t("activity.target")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((change) => <Change key={change.id} change={change} />)}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Paged>
    </Section>
  );
}
