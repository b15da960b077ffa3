import { Button, Group, PasswordInput, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { useAct } from "../../parts/act";
import { Section, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

export function Password() {
  const { t } = useTexts();
  const [present, setPresent] = useState("");
  const [next, setNext] = useState("");
  const change = useAct(async () => ask(api.PUT("/api/session/password", { body: { current_password: present, new_password: next } })), ["me"], ["sessions"]);
  const visible = (label: string) => ({ visibilityToggleButtonProps: { "aria-label": `${t("field.visible")}: ${label}` } });
  return (
    <Section title={t("account.password")} note={t("account.passwordNote")}>
      <form onSubmit={(event) => { event.preventDefault(); change.mutate(undefined, { onSuccess: () => { setPresent(""); setNext(""); } }); }}>
        <Stack>
          <PasswordInput label={t("account.present")} autoComplete="current-password" required value={present} onChange={(event) => setPresent(event.currentTarget.value)} {...visible(t("account.present"))} />
          <PasswordInput label={t("account.next")} description={t("account.nextHint")} autoComplete="new-password" required minLength={10} value={next} onChange={(event) => setNext(event.currentTarget.value)} {...visible(t("account.next"))} />
          {change.error && <Wrong error={change.error} />}
          <Group><Button type="submit" loading={change.isPending}>{t("account.change")}</Button>{change.isSuccess && <Text size="sm" role="status">{t("account.changed")}</Text>}</Group>
        </Stack>
      </form>
    </Section>
  );
}
