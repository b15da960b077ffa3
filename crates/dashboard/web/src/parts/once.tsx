// What is shown this once: a key, a link.

import { Alert, Code, Group, Stack, Text } from "@mantine/core";
import { useTexts } from "../texts";
import { Copy } from "./state";

export function Once({ label, value, note }: { label: string; value: string; note?: string }) {
  const { t } = useTexts();
  return (
    <Alert color="blue" title={t("once.title")} role="status">
      <Stack gap="xs">
        <Text size="sm" fw={600}>{label}</Text>
        <Group gap="xs" wrap="nowrap"><Code className="words" style={{ flex: 1, minWidth: 0 }}>{value}</Code><Copy value={value} label={label} /></Group>
        {note && <Text size="sm">{note}</Text>}
      </Stack>
    </Alert>
  );
}
