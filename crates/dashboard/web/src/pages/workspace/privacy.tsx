// Work on people's data and on chatbots, and the receipts for it.

import { Button, Code, Group, Table, Text } from "@mantine/core";
import { api, ask, type Schemas } from "../../api/client";
import { Paged, usePaged } from "../../parts/paged";
import { useMay } from "../../parts/role";
import { Actions, Empty, Section, State } from "../../parts/state";
import { useTexts } from "../../texts";

type Job = Schemas["DataJob"];

function Row({ job, workspace }: { job: Job; workspace: string }) {
  const { t, time, word, number } = useTexts();
  const counts = Object.entries(job.counts as unknown as Record<string, number>).map(([name, count]) => `${word("counted", name)}: ${number(count)}`).join(", ");
  return (
    <Table.Tr>
      <Table.Td><Text size="sm" fw={600}>{word("job", job.kind)}</Text><State value={job.state} /></Table.Td>
      <Table.Td><Text size="sm" className="words">{counts || t("privacy.nothing")}</Text>{job.error && <Text size="xs" className="words">{job.error}</Text>}{job.subject_hash && <Text size="xs" c="dimmed" className="words">SHA-256 <Code>{job.subject_hash}</Code></Text>}</Table.Td>
      <Table.Td><Text size="sm" className="words">{job.email ?? (job.api_key_id ? t("alog.key") : "–")}</Text><Text size="xs" c="dimmed">{time(job.created_at)}</Text></Table.Td>
      <Table.Td><Text size="sm">{job.finished_at ? time(job.finished_at) : "–"}</Text></Table.Td>
      <Table.Td><Group justify="flex-end">{job.has_file && <Button component="a" size="xs" variant="default" href={`/api/workspaces/${workspace}/data-jobs/${job.id}/file`} download aria-label={`${t("privacy.download")}: ${time(job.created_at)}`}>{t("privacy.download")}</Button>}</Group></Table.Td>
    </Table.Tr>
  );
}

export default function Privacy({ workspace }: { workspace: string }) {
  const { t } = useTexts();
  const admin = useMay(workspace, "admin");
  const jobs = usePaged(["data-jobs", workspace], (after) => ask(api.GET("/api/workspaces/{workspace_id}/data-jobs", { params: { path: { workspace_id: workspace }, query: { after } } })), 3_000);
  if (!admin) return <Section title={t("workspace.privacy")}><Text size="sm">{t("role.adminsOnly")}</Text></Section>;
  return (
    <Section title={t("privacy.receipts")} note={t("privacy.what")}>
      <Paged of={jobs} empty={<Empty title={t("privacy.none")}>{t("privacy.noneHint")}</Empty>}>
        {(items) => (
          <Table.ScrollContainer minWidth={760}>
            <Table verticalSpacing="sm" aria-label={t("privacy.receipts")}>
              <Table.Thead><Table.Tr><Table.Th>{t("privacy.kind")}</Table.Th><Table.Th>{t("privacy.found")}</Table.Th><Table.Th>{t("privacy.by")}</Table.Th><Table.Th>{t("privacy.done")}</Table.Th><Actions /></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((job) => <Row key={job.id} job={job} workspace={workspace} />)}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Paged>
    </Section>
  );
}
