// A chatbot out of a file: a new one, or the draft of one that is there.

import { Alert, Button, FileButton, Group, Stack, Text } from "@mantine/core";
import { Link } from "react-router-dom";
import { api, ask, asBytes, bytes, type Schemas } from "../api/client";
import { useTexts } from "../texts";
import { useAct } from "./act";
import { Wrong } from "./state";

type Imported = Schemas["Imported"];

function Came({ report }: { report: Imported }) {
  const { t, number } = useTexts();
  return (
    <Alert color={report.needs_key ? "orange" : "green"} role="status" title={t(report.new ? "import.made" : "import.drafted")}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{t("import.report", { sources: number(report.sources), golden: number(report.golden_questions) })}</Text>
        {report.needs_key && <Text size="sm">{t("import.needsKey")} <Link to={`/chatbots/${report.chatbot_id}/behaviour`}>{t("tab.behaviour")}</Link></Text>}
        {report.new && <Button component={Link} to={`/chatbots/${report.chatbot_id}/overview`} size="xs">{t("first.overview")}</Button>}
      </Stack>
    </Alert>
  );
}

export function Import({ into, stale }: { into: { workspace: string } | { chatbot: string }; stale: unknown[][] }) {
  const { t } = useTexts();
  const read = useAct(async (file: File) => "workspace" in into
    ? ask(api.POST("/api/workspaces/{workspace_id}/chatbots/import", { params: { path: { workspace_id: into.workspace } }, body: bytes(file), ...asBytes }))
    : ask(api.POST("/api/chatbots/{chatbot_id}/import", { params: { path: { chatbot_id: into.chatbot } }, body: bytes(file), ...asBytes })), ...stale);
  return (
    <Stack>
      <Group>
        <FileButton accept=".yaml,.yml,application/yaml" onChange={(file) => file && read.mutate(file)} inputProps={{ "aria-label": t("import.choose") }}>
          {(props) => <Button {...props} variant="default" loading={read.isPending}>{t("import.choose")}</Button>}
        </FileButton>
      </Group>
      {read.error && <Wrong error={read.error} />}
      {read.data && <Came report={read.data} />}
    </Stack>
  );
}
