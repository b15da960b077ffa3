// How the installation sends mail, whether that works, and what became of its mails.

import { Alert, Badge, Button, Group, NativeSelect, NumberInput, PasswordInput, SimpleGrid, Stack, Table, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useMe } from "../../api/hooks";
import { useAct } from "../../parts/act";
import { Paged, usePaged } from "../../parts/paged";
import { Confirm, Empty, Section, Shown, State, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

const STALE = [["admin", "mail"], ["setup"]];
const PORTS: Record<string, number> = { tls: 465, starttls: 587, none: 25 };
const USUAL = Object.values(PORTS);

function Settings({ now }: { now: Schemas["MailView"] }) {
  const { t } = useTexts();
  const [host, setHost] = useState(now.host ?? "");
  const [security, setSecurity] = useState(now.security ?? "starttls");
  const [port, setPort] = useState<number | string>(now.port ?? PORTS[security] ?? 587);
  const [username, setUsername] = useState(now.username ?? "");
  const [password, setPassword] = useState("");
  const [sender, setSender] = useState(now.sender ?? "");
  const [ending, setEnding] = useState(false);
  const save = useAct(async () => ask(api.PUT("/api/administration/mail", { body: { host, port: Number(port), security, username, sender, ...(password ? { password } : username ? {} : { password: null }) } })), ...STALE);
  const end = useAct(async () => ask(api.DELETE("/api/administration/mail")), ...STALE);
  const protect = (next: string) => {
    setSecurity(next);
    // A port of one's own stays.
    if (USUAL.includes(Number(port))) setPort(PORTS[next] ?? port);
  };
  return (
    <Section title={t("mail.server")} note={t("mail.serverNote")} action={<Badge color={now.enabled ? "green" : "gray"}>{t(now.enabled ? "mail.on" : "mail.off")}</Badge>}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined, { onSuccess: () => setPassword("") }); }}>
        <Stack>
          {!now.enabled && <Text size="sm">{t("mail.none")}</Text>}
          <SimpleGrid cols={{ base: 1, sm: 3 }}>
            <TextInput label={t("mail.host")} placeholder="smtp.example.com" required value={host} onChange={(event) => setHost(event.currentTarget.value)} />
            <NativeSelect label={t("mail.security")} value={security} onChange={(event) => protect(event.currentTarget.value)} data={(["starttls", "tls", "none"] as const).map((value) => ({ value, label: t(`mail.security.${value}`) }))} />
            <NumberInput label={t("mail.port")} required min={1} max={65_535} allowDecimal={false} hideControls value={port} onChange={setPort} />
          </SimpleGrid>
          {security === "none" && <Text size="sm" c="red">{t("mail.inClear")}</Text>}
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput label={t("mail.user")} description={t("mail.userHint")} autoComplete="off" value={username} onChange={(event) => setUsername(event.currentTarget.value)} />
            <PasswordInput label={t("signIn.password")} description={now.has_password ? t("mail.passwordKept") : t("mail.passwordHint")} autoComplete="new-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} visibilityToggleButtonProps={{ "aria-label": t("field.visible") }} />
          </SimpleGrid>
          <TextInput label={t("mail.sender")} description={t("mail.senderHint")} placeholder="BotSmith <bots@example.com>" required value={sender} onChange={(event) => setSender(event.currentTarget.value)} />
          {save.error && <Wrong error={save.error} />}
          <Group><Button type="submit" loading={save.isPending}>{t("do.save")}</Button>{now.enabled && <Button variant="outline" color="red" onClick={() => setEnding(true)}>{t("mail.end")}</Button>}{save.isSuccess && <Text size="sm" role="status">{t("mail.saved")}</Text>}</Group>
        </Stack>
      </form>
      <Confirm opened={ending} onClose={() => setEnding(false)} title={t("mail.endTitle")} action={t("mail.end")} onConfirm={() => end.mutateAsync(undefined)}>{t("mail.endWhat")}</Confirm>
    </Section>
  );
}

function Try() {
  const { t } = useTexts();
  const [to, setTo] = useState(useMe().data?.user.email ?? "");
  const send = useAct(async () => ask(api.POST("/api/administration/mail/test", { body: { to } })));
  return (
    <Section title={t("mail.test")} note={t("mail.testNote")}>
      <form onSubmit={(event) => { event.preventDefault(); send.mutate(undefined); }}>
        <Stack>
          <Group align="flex-end"><TextInput label={t("mail.to")} type="email" required value={to} onChange={(event) => setTo(event.currentTarget.value)} style={{ flex: "1 1 220px" }} /><Button type="submit" variant="default" loading={send.isPending}>{t("mail.send")}</Button></Group>
          {send.error && <Wrong error={send.error} />}
          {send.isSuccess && <Alert color="green" role="status">{t("mail.sent", { to })}</Alert>}
        </Stack>
      </form>
    </Section>
  );
}

function Mails() {
  const { t, time, ago, word } = useTexts();
  const mails = usePaged(["admin", "mails"], (after) => ask(api.GET("/api/administration/mails", { params: { query: { after } } })), 5_000);
  return (
    <Section title={t("mail.list")} note={t("mail.listNote")}>
      <Paged of={mails} empty={<Empty title={t("mail.listNone")}>{t("mail.listNoneHint")}</Empty>}>
        {(items) => (
          <Table.ScrollContainer minWidth={640}>
            <Table verticalSpacing="xs" aria-label={t("mail.list")}>
              <Table.Thead><Table.Tr><Table.Th>{t("mail.to")}</Table.Th><Table.Th>{t("mail.what")}</Table.Th><Table.Th>{t("col.state")}</Table.Th><Table.Th>{t("col.when")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((mail) => (
                <Table.Tr key={mail.id}>
                  <Table.Td><Text size="sm" className="words">{mail.recipient}</Text></Table.Td>
                  <Table.Td><Text size="sm">{word("mailKind", mail.kind)}</Text></Table.Td>
                  <Table.Td><State kind="mailState" value={mail.state} />{mail.error && <Text size="xs" className="words">{mail.error}</Text>}{mail.due_at && mail.attempts > 0 && <Text size="xs" c="dimmed">{t("mail.again", { when: ago(mail.due_at) })}</Text>}</Table.Td>
                  <Table.Td><Text size="sm" style={{ whiteSpace: "nowrap" }}>{time(mail.settled_at ?? mail.created_at)}</Text></Table.Td>
                </Table.Tr>
              ))}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Paged>
    </Section>
  );
}

export default function Mail() {
  const settings = useQuery({ queryKey: ["admin", "mail"], queryFn: () => ask(api.GET("/api/administration/mail")) });
  return (
    <Stack>
      <Shown of={settings}>{(now) => <><Settings now={now} />{now.enabled && <Try />}</>}</Shown>
      <Mails />
    </Stack>
  );
}
