// In what two versions of a chatbot's behaviour differ.

import { Code, Stack, Text } from "@mantine/core";
import type { Schemas } from "../api/client";
import { useTexts } from "../texts";

function plain(value: unknown): string {
  if (typeof value === "string") return value || "–";
  return value == null ? "–" : JSON.stringify(value, null, 1);
}

export function Changes({ changes, before, after }: { changes: Schemas["Changed"][]; before: string; after: string }) {
  const { t } = useTexts();
  if (!changes.length) return <Text size="sm">{t("versions.same")}</Text>;
  return (
    <Stack>{changes.map((change) => (
      <div key={change.field}>
        <Text fw={600} size="sm">{change.field}</Text>
        <div className="split">
          <div><Text size="xs" c="dimmed">{before}</Text><Code block className="words">{plain(change.before)}</Code></div>
          <div><Text size="xs" c="dimmed">{after}</Text><Code block className="words">{plain(change.after)}</Code></div>
        </div>
      </div>
    ))}</Stack>
  );
}
