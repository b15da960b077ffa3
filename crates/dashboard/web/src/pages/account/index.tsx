import { Alert, Button, Stack, Table } from "@mantine/core";
import { Link } from "react-router-dom";
import { useMe } from "../../api/hooks";
import { Empty, PageHead, Section } from "../../parts/state";
import { useSignOut } from "../../parts/sign-out";
import { useTexts } from "../../texts";
import { Password } from "./password";
import { SecondFactor } from "./second-factor";
import { Sessions } from "./sessions";

export default function Account() {
  const { t, word } = useTexts();
  const me = useMe().data;
  const signOut = useSignOut();
  // Until they have chosen another password, the rest is refused them; it is no business of an administrator who acts as them.
  const own = me && !me.impersonation && !me.must_change_password;
  return (
    <>
      <PageHead title={t("account.title")} note={me?.user.email}><Button variant="default" onClick={signOut}>{t("nav.signOut")}</Button></PageHead>
      <Stack maw={860}>
        {me?.must_change_password && <Alert color="orange" role="alert">{t("account.mustChange")}</Alert>}
        {me?.impersonation ? <Empty title={t("impersonation.closed")}>{t("impersonation.closedHint")}</Empty> : <Password />}
        {own && <SecondFactor />}
        {own && <Sessions />}
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
