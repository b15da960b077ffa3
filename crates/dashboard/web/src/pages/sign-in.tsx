import { Box, Button, Card, Center, Code, Group, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Navigate, useLocation, useNavigate } from "react-router-dom";
import { api, ask, Problem } from "../api/client";
import { useMe } from "../api/hooks";
import { Looks } from "../parts/looks";
import { useTitle, Wrong } from "../parts/state";
import { useTexts } from "../texts";

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
  useTitle(t("signIn.title"));

  const send = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const signedIn = await ask(api.POST("/api/session", { body: { email, password } }));
      queries.setQueryData(["me"], signedIn);
      navigate(to, { replace: true });
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
          ) : (
            <Box component="form" onSubmit={send}>
              <Stack>
                <Title order={2}>{t("signIn.title")}</Title>
                <TextInput label={t("signIn.email")} type="email" autoComplete="username" required value={email} onChange={(event) => setEmail(event.currentTarget.value)} />
                <PasswordInput label={t("signIn.password")} autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.currentTarget.value)}
                  visibilityToggleButtonProps={{ "aria-label": t("field.visible") }} />
                {error !== undefined && <Wrong error={error instanceof Problem && error.status === 401 ? new Problem(401, t("signIn.refused"), error.requestId) : error} />}
                <Button type="submit" loading={busy}>{t("signIn.title")}</Button>
              </Stack>
            </Box>
          )}
        </Card>
      </Stack>
    </Center>
  );
}
