import { Alert, Button, Code, FileButton, Group, Modal, Stack, Table, Text } from "@mantine/core";
import { useState } from "react";
import { api, ask, asBytes, bytes, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

const SHOWN = 100;

function Rows({ rows }: { rows: Schemas["LeadImportRow"][] }) {
  const { t, word } = useTexts();
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table verticalSpacing="xs" aria-label={t("leads.rows")}>
        <Table.Thead><Table.Tr><Table.Th>{t("leads.line")}</Table.Th><Table.Th>{t("col.person")}</Table.Th><Table.Th>{t("leads.becomes")}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{rows.slice(0, SHOWN).map((row) => (
          <Table.Tr key={row.line}>
            <Table.Td>{row.line}</Table.Td>
            <Table.Td className="words">{row.who || "–"}</Table.Td>
            <Table.Td><Text size="sm">{word("leadRow", row.action)}</Text>{row.problem && <Text size="xs" className="words">{row.problem}</Text>}</Table.Td>
          </Table.Tr>
        ))}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** A table is looked at first: what would become of each row. */
export default function BringIn({ workspace, onClose }: { workspace: string; onClose: () => void }) {
  const { t, number } = useTexts();
  const [file, setFile] = useState<File | null>(null);
  const send = (file: File, dry_run: boolean) => ask(api.POST("/api/workspaces/{workspace_id}/leads/import", { params: { path: { workspace_id: workspace }, query: { dry_run } }, body: bytes(file), ...asBytes }));
  const look = useAct((file: File) => send(file, true));
  const bring = useAct((file: File) => send(file, false), ["leads", workspace]);
  const report = bring.data ?? look.data;
  const choose = (file: File | null) => { if (file) { setFile(file); bring.reset(); look.mutate(file); } };
  const counts = report && { created: number(report.created), updated: number(report.updated), wrong: number(report.wrong) };
  return (
    <Modal opened onClose={onClose} title={t("leads.import")} size="lg" closeButtonProps={{ "aria-label": t("do.close") }}>
      <Stack>
        <Text size="sm">{t("leads.importWhat")} <Code>name, email, phone, stage, assignee, chatbot, consented_at, consent_text</Code></Text>
        <Group><FileButton accept=".csv,text/csv" onChange={choose} inputProps={{ "aria-label": t("leads.choose") }}>{(props) => <Button {...props} variant="default" loading={look.isPending}>{t("leads.choose")}</Button>}</FileButton>{file && <Text size="sm" className="words">{file.name}</Text>}</Group>
        {(look.error ?? bring.error) && <Wrong error={look.error ?? bring.error} />}
        {report && counts && (
          <>
            <Alert color={report.wrong ? "orange" : "green"} role="status" title={t(bring.data ? "leads.brought" : "leads.preview")}><Text size="sm">{t("leads.counts", counts)}</Text></Alert>
            {report.rows.length > 0 && <Rows rows={report.rows} />}
          </>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{t(bring.data ? "do.close" : "do.cancel")}</Button>
          {!bring.data && <Button onClick={() => file && bring.mutate(file)} loading={bring.isPending} disabled={!look.data || look.data.created + look.data.updated === 0}>{t("leads.bring")}</Button>}
        </Group>
      </Stack>
    </Modal>
  );
}
