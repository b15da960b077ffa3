import { Anchor, Box, Button, Card, Center, Code, Group, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Navigate, useLocation, useNavigate } from "react-router-dom";
import { api, ask, askWhole, Problem, type Schemas } from "../api/client";
import { useMe } from "../api/hooks";
import { Looks } from "../parts/looks";
import { useTitle, Wrong } from "../parts/state";
import { useTexts } from "../texts";

/** The second step: what the app shows, or a recovery code. */
function SecondStep({ challenge, onDone, onBack }: { challenge: string; onDone: (me: Schemas["Me"]) => void; onBack: (error?: unknown) => void }) {
  const { t } = useTexts();
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      onDone(await ask(api.POST("/api/session/code", { body: { challenge, code } })));
    } catch (error) {
      // It waited too long: from the start.
      if (error instanceof Problem && error.field === "challenge") return onBack(error);
      setError(error);
      setCode("");
      setBusy(false);
    }
  };
  return (
    <Box component="form" onSubmit={send}>
      <Stack>
        <Title order={2}>{t("signIn.code")}</Title>
        <TextInput label={t("mfa.code")} description={t("mfa.codeOrRecovery")} autoComplete="one-time-code" required autoFocus value={code} onChange={(event) => setCode(event.currentTarget.value)} />
        {error !== undefined && <Wrong error={error} />}
        <Button type="submit" loading={busy}>{t("signIn.title")}</Button>
        <Anchor component="button" type="button" size="sm" onClick={() => onBack()}>{t("signIn.back")}</Anchor>
      </Stack>
    </Box>
  );
}

/** Asks for a link by mail. What is said afterwards is the same whether the address has an account or not. */
function Forgotten({ known, onBack }: { known: string; onBack: () => void }) {
  const { t } = useTexts();
  const [email, setEmail] = useState(known);
  const [state, setState] = useState<"asking" | "busy" | "sent">("asking");
  const [error, setError] = useState<unknown>();
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setState("busy");
    setError(undefined);
    try {
      await ask(api.POST("/api/password-reset/mail", { body: { email } }));
      setState("sent");
    } catch (error) {
      setError(error);
      setState("asking");
    }
  };
  return (
    <Box component="form" onSubmit={send}>
      <Stack>
        <Title order={2}>{t("forgot.title")}</Title>
        {state === "sent" ? <Text size="sm" role="status">{t("forgot.sent", { email })}</Text> : (
          <>
            <Text size="sm">{t("forgot.what")}</Text>
            <TextInput label={t("signIn.email")} type="email" autoComplete="username" required autoFocus value={email} onChange={(event) => setEmail(event.currentTarget.value)} />
            {error !== undefined && <Wrong error={error} />}
            <Button type="submit" loading={state === "busy"}>{t("forgot.send")}</Button>
          </>
        )}
        <Anchor component="button" type="button" size="sm" onClick={onBack}>{t("signIn.back")}</Anchor>
      </Stack>
    </Box>
  );
}

export function SignIn() {
  const { t } = useTexts();
  const me = useMe();
  const to = (useLocation().state as { to?: string } | null)?.to ?? "/";
  const navigate = useNavigate();
  const queries = useQueryClient();
  const setup = useQuery({ queryKey: ["setup"], queryFn: () => ask(api.GET("/api/setup")) });
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [challenge, setChallenge] = useState<string>();
  const [forgotten, setForgotten] = useState(false);
  useTitle(t("signIn.title"));

  const enter = (signedIn: Schemas["Me"]) => {
    queries.setQueryData(["me"], signedIn);
    navigate(to, { replace: true });
  };
  const back = (error?: unknown) => {
    setChallenge(undefined);
    setForgotten(false);
    setError(error);
    setBusy(false);
  };

  const send = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const { data } = await askWhole<Schemas["Me"] | Schemas["CodeNeeded"]>(api.POST("/api/session", { body: { email, password } }));
      if (data && "challenge" in data) setChallenge(data.challenge);
      else if (data) enter(data);
    } catch (error) {
      setError(error);
      setBusy(false);
    }
  };

  if (me.data) return <Navigate to={to} replace />;
  return (
    <Center mih="100vh" p="md" component="main">
      <Stack w="100%" maw={400}>
        <Group justify="space-between">
          <Group gap={8}><img src="/icon.svg" alt="" width={32} height={32} /><Title order={1} size="h2">BotSmith</Title></Group>
          <Looks />
        </Group>
        <Card withBorder padding="lg">
          {setup.data?.needed ? (
            <Stack gap="sm">
              <Title order={2}>{t("setup.title")}</Title>
              <Text size="sm">{t("setup.link")}</Text>
              <Text size="sm">{t("setup.again")}</Text>
              <Code block>botsmith setup-link</Code>
              <Button variant="default" onClick={() => location.reload()}>{t("setup.done")}</Button>
            </Stack>
          ) : challenge ? <SecondStep challenge={challenge} onDone={enter} onBack={back} /> : forgotten ? <Forgotten known={email} onBack={back} /> : (
            <Box component="form" onSubmit={send}>
              <Stack>
                <Title order={2}>{t("signIn.title")}</Title>
                <TextInput label={t("signIn.email")} type="email" autoComplete="username" required value={email} onChange={(event) => setEmail(event.currentTarget.value)} />
                <PasswordInput label={t("signIn.password")} autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.currentTarget.value)}
                  visibilityToggleButtonProps={{ "aria-label": t("field.visible") }} />
                {error !== undefined && <Wrong error={error instanceof Problem && error.status === 401 ? new Problem(401, t("signIn.refused"), error.requestId) : error} />}
                <Button type="submit" loading={busy}>{t("signIn.title")}</Button>
                {setup.data?.mail ? <Anchor component="button" type="button" size="sm" onClick={() => setForgotten(true)}>{t("forgot.title")}</Anchor> : setup.data && <Text size="xs" c="dimmed">{t("forgot.noMail")}</Text>}
              </Stack>
            </Box>
          )}
        </Card>
      </Stack>
    </Center>
  );
}
