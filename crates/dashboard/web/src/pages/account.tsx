import { Alert, Button, Group, PasswordInput, Stack, Table, Text } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router-dom";
import { api, ask } from "../api/client";
import { useMe } from "../api/hooks";
import { useAct } from "../parts/act";
import { PageHead, Section, Wrong } from "../parts/state";
import { useSignOut } from "../parts/sign-out";
import { useTexts } from "../texts";

function Password() {
  const { t } = useTexts();
  const [present, setPresent] = useState("");
  const [next, setNext] = useState("");
  const change = useAct(async () => ask(api.PUT("/api/session/password", { body: { current_password: present, new_password: next } })), ["me"]);
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

export default function Account() {
  const { t, word } = useTexts();
  const me = useMe().data;
  const signOut = useSignOut();
  return (
    <>
      <PageHead title={t("account.title")} note={me?.user.email}><Button variant="default" onClick={signOut}>{t("nav.signOut")}</Button></PageHead>
      <Stack maw={640}>
        {me?.must_change_password && <Alert color="orange" role="alert">{t("account.mustChange")}</Alert>}
        <Password />
        <Section title={t("account.workspaces")}>
          <Table aria-label={t("account.workspaces")}>
            <Table.Tbody>{me?.workspaces.map((seat) => (
              <Table.Tr key={seat.id}><Table.Td><Link className="plain" to={`/workspaces/${seat.id}/chatbots`}>{seat.name}</Link></Table.Td><Table.Td>{word("role", seat.role)}</Table.Td></Table.Tr>
            ))}</Table.Tbody>
          </Table>
        </Section>
      </Stack>
    </>
  );
}
