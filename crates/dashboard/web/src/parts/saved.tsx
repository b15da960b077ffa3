import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router-dom";
import { useTexts } from "../texts";
import { Wrong } from "./state";

/** What came of saving: live at once, or asked about first. */
export function Saved({ bot, status, error, busy, children }: { bot: string; status?: number; error: unknown; busy: boolean; children?: ReactNode }) {
  const { t } = useTexts();
  return (
    <Stack gap="sm" align="flex-start">
      {error != null && <Wrong error={error} />}
      {status === 202 && <Alert color="blue" title={t("saved.checking")}><Text size="sm">{t("saved.checkingWhat")} <Link to={`/chatbots/${bot}/quality`}>{t("tab.quality")}</Link></Text></Alert>}
      <Group gap="sm"><Button type="submit" loading={busy}>{t("do.save")}</Button>{status === 200 && <Text size="sm" role="status">{t("saved.live")}</Text>}{children}</Group>
    </Stack>
  );
}
