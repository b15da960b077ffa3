// On every page while an administrator acts as somebody else.

import { Alert, Button, Group, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, ask, type Schemas } from "../api/client";
import { useTexts } from "../texts";
import { Wrong } from "./state";

/** The pages are loaded anew before and after: nothing of the one person may be left when the other looks. */
export function Impersonation({ of, person }: { of: Schemas["ImpersonationView"]; person: string }) {
  const { t, time } = useTexts();
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    const left = new Date(of.ends_at).getTime() - Date.now();
    const timer = setTimeout(() => void queries.invalidateQueries({ queryKey: ["me"] }), Math.max(left, 0) + 1000);
    return () => clearTimeout(timer);
  }, [of.ends_at, queries]);
  const end = async () => {
    setBusy(true);
    try {
      await ask(api.DELETE("/api/session/impersonation"));
      location.assign("/admin/users");
    } catch (error) {
      setError(error);
      setBusy(false);
    }
  };
  return (
    <Alert color="orange" mb="md" className="impersonation" role="region" aria-label={t("impersonation.label")}>
      <Group justify="space-between" gap="sm">
        <div style={{ flex: "1 1 220px" }}>
          <Text size="sm" fw={700} c="#1a1a1a" className="words">{t("impersonation.as", { person, administrator: of.administrator })}</Text>
          <Text size="sm" c="#1a1a1a" className="words">{t("impersonation.until", { until: time(of.ends_at), reason: of.reason })}</Text>
        </div>
        <Button variant="default" loading={busy} onClick={end}>{t("impersonation.end")}</Button>
      </Group>
      {error !== undefined && <Wrong error={error} />}
    </Alert>
  );
}
