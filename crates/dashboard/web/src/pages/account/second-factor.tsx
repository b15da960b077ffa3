// Two-factor authentication: setting it up with an app, recovery codes, and turning it off.

import { Alert, Anchor, Badge, Button, Code, Group, Modal, PasswordInput, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Copy, Section, Shown, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

const STALE = ["second-factor"];

function OwnPassword({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTexts();
  return (
    <PasswordInput label={t("account.present")} autoComplete="current-password" required data-autofocus value={value} onChange={(event) => onChange(event.currentTarget.value)}
      visibilityToggleButtonProps={{ "aria-label": `${t("field.visible")}: ${t("account.present")}` }} />
  );
}

export function CodeInput({ value, onChange, hint }: { value: string; onChange: (value: string) => void; hint: string }) {
  const { t } = useTexts();
  return <TextInput label={t("mfa.code")} description={hint} autoComplete="one-time-code" inputMode="text" required data-autofocus value={value} onChange={(event) => onChange(event.currentTarget.value)} />;
}

/** With the quiet zone of four modules that scanners need, dark on light in dark pages too. */
function Qr({ qr }: { qr: Schemas["Qr"] }) {
  const { t } = useTexts();
  const side = qr.size + 8;
  return (
    <svg viewBox={`-4 -4 ${side} ${side}`} width={200} height={200} role="img" aria-label={t("mfa.qr")} shapeRendering="crispEdges">
      <rect x={-4} y={-4} width={side} height={side} fill="#fff" /><path d={qr.path} fill="#000" />
    </svg>
  );
}

function RecoveryCodes({ codes, onClose }: { codes: string[]; onClose: () => void }) {
  const { t } = useTexts();
  return (
    <Stack>
      <Alert color="blue" title={t("once.title")} role="status">{t("mfa.codesWhat")}</Alert>
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xs" aria-label={t("mfa.codes")} role="list">{codes.map((code) => <Code key={code} role="listitem" fz="sm">{code}</Code>)}</SimpleGrid>
      <Group justify="space-between"><Copy value={codes.join("\n")} label={t("mfa.codes")} /><Button onClick={onClose}>{t("mfa.kept")}</Button></Group>
    </Stack>
  );
}

function SetUp({ onClose }: { onClose: () => void }) {
  const { t } = useTexts();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const begin = useAct(() => ask(api.POST("/api/session/second-factor", { body: { password } })));
  const confirm = useAct(() => ask(api.POST("/api/session/second-factor/confirm", { body: { code } })), STALE);
  const send = (event: FormEvent, what: { mutate: (input: void) => void }) => { event.preventDefault(); what.mutate(undefined); };
  if (confirm.data) return <RecoveryCodes codes={confirm.data.recovery_codes} onClose={onClose} />;
  if (!begin.data) {
    return (
      <form onSubmit={(event) => send(event, begin)}>
        <Stack>
          <Text size="sm">{t("mfa.first")}</Text>
          <OwnPassword value={password} onChange={setPassword} />
          {begin.error && <Wrong error={begin.error} />}
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={begin.isPending}>{t("do.next")}</Button></Group>
        </Stack>
      </form>
    );
  }
  const { qr, secret, uri } = begin.data;
  return (
    <form onSubmit={(event) => send(event, confirm)}>
      <Stack>
        <Text size="sm">{t("mfa.scan")}</Text>
        <Group justify="center"><Qr qr={qr} /></Group>
        <Text size="sm">{t("mfa.type")} <Anchor href={uri} size="sm">{t("mfa.open")}</Anchor></Text>
        <Group gap="xs" wrap="nowrap"><Code className="words" style={{ flex: 1, minWidth: 0 }}>{secret.replace(/(.{4})(?=.)/g, "$1 ")}</Code><Copy value={secret} label={t("mfa.secret")} /></Group>
        <CodeInput value={code} onChange={setCode} hint={t("mfa.codeOfApp")} />
        {confirm.error && <Wrong error={confirm.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={confirm.isPending}>{t("mfa.confirm")}</Button></Group>
      </Stack>
    </form>
  );
}

/** What takes a password and a code: turning it off, and new recovery codes. */
function Proven({ off, onClose }: { off: boolean; onClose: () => void }) {
  const { t } = useTexts();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const body = { password, code };
  const turnOff = useAct(() => ask(api.POST("/api/session/second-factor/turn-off", { body })), STALE);
  const renew = useAct(() => ask(api.POST("/api/session/second-factor/recovery-codes", { body })), STALE);
  if (renew.data) return <RecoveryCodes codes={renew.data.recovery_codes} onClose={onClose} />;
  const error = turnOff.error ?? renew.error;
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (off) turnOff.mutate(undefined, { onSuccess: onClose });
    else renew.mutate(undefined);
  };
  return (
    <form onSubmit={send}>
      <Stack>
        <Text size="sm">{t(off ? "mfa.offWhat" : "mfa.renewWhat")}</Text>
        <OwnPassword value={password} onChange={setPassword} />
        <CodeInput value={code} onChange={setCode} hint={t("mfa.codeOrRecovery")} />
        {error && <Wrong error={error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" color={off ? "red" : undefined} loading={turnOff.isPending || renew.isPending}>{t(off ? "mfa.off" : "mfa.renew")}</Button></Group>
      </Stack>
    </form>
  );
}

export function SecondFactor() {
  const { t, time } = useTexts();
  const [opened, setOpened] = useState<"setUp" | "off" | "renew" | null>(null);
  const state = useQuery({ queryKey: STALE, queryFn: () => ask(api.GET("/api/session/second-factor")) });
  const close = () => setOpened(null);
  return (
    <Section title={t("mfa.title")} note={t("mfa.note")}>
      <Shown of={state} lines={1}>
        {({ enabled_at, recovery_codes }) => (enabled_at ? (
          <Stack>
            <Group gap="xs"><Badge color="green">{t("mfa.on")}</Badge><Text size="sm">{t("mfa.since", { time: time(enabled_at) })}</Text></Group>
            <Text size="sm" c={recovery_codes < 3 ? "red" : undefined}>{t("mfa.left", { count: recovery_codes })}</Text>
            <Group><Button variant="default" onClick={() => setOpened("renew")}>{t("mfa.renew")}</Button><Button variant="outline" color="red" onClick={() => setOpened("off")}>{t("mfa.off")}</Button></Group>
          </Stack>
        ) : (
          <Group justify="space-between"><Text size="sm" style={{ flex: "1 1 260px" }}>{t("mfa.none")}</Text><Button onClick={() => setOpened("setUp")}>{t("mfa.setUp")}</Button></Group>
        ))}
      </Shown>
      <Modal opened={opened !== null} onClose={close} title={t(opened === "off" ? "mfa.offTitle" : opened === "renew" ? "mfa.renewTitle" : "mfa.title")} closeButtonProps={{ "aria-label": t("do.close") }}>
        {opened === "setUp" ? <SetUp onClose={close} /> : opened && <Proven off={opened === "off"} onClose={close} />}
      </Modal>
    </Section>
  );
}
