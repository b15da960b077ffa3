// What stands around every page: where one is, where one can go, and who one is.

import { AppShell, Box, Burger, Button, Group, NativeSelect, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useEffect, type ReactNode } from "react";
import { Link, NavLink, useLocation, useMatch, useNavigate } from "react-router-dom";
import { api, ask } from "../api/client";
import { useChatbots, type Me } from "../api/hooks";
import { useTexts } from "../texts";
import { Impersonation } from "./impersonation";
import { Looks } from "./looks";
import { Notice } from "./notice";
import { useSignOut } from "./sign-out";

/** Whose workspace the address is about; else the one of before. */
function useWorkspace(me: Me): string | undefined {
  const inWorkspace = useMatch("/workspaces/:workspace/*")?.params.workspace;
  const chatbot_id = useMatch("/chatbots/:chatbot/*")?.params.chatbot;
  const chatbot = useQuery({
    queryKey: ["chatbot", chatbot_id], enabled: Boolean(chatbot_id),
    queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}", { params: { path: { chatbot_id: chatbot_id ?? "" } } })),
  });
  const known = (id?: string | null) => me.workspaces.find((seat) => seat.id === id)?.id;
  const found = known(inWorkspace) ?? known(chatbot.data?.workspace_id) ?? known(localStorage.getItem("botsmith-workspace")) ?? me.workspaces.at(-1)?.id;
  useEffect(() => { if (found) localStorage.setItem("botsmith-workspace", found); }, [found]);
  return found;
}

function Chatbots({ workspace, onGo }: { workspace: string; onGo: () => void }) {
  const { t } = useTexts();
  const chatbots = useChatbots(workspace);
  const { pathname } = useLocation();
  return (
    <>
      <Text size="xs" fw={700} c="dimmed" mt="md" px="sm">{t("nav.chatbots")}</Text>
      {chatbots.data?.items.slice(0, 30).map((bot) => (
        <Link key={bot.id} to={`/chatbots/${bot.id}/overview`} className="nav" onClick={onGo} aria-current={pathname.startsWith(`/chatbots/${bot.id}/`) ? "page" : undefined}>
          <Text truncate inherit>{bot.name}</Text>
        </Link>
      ))}
    </>
  );
}

export function Shell({ me, children }: { me: Me; children: ReactNode }) {
  const { t } = useTexts();
  const [opened, { toggle, close }] = useDisclosure();
  const workspace = useWorkspace(me);
  const navigate = useNavigate();
  const signOut = useSignOut();
  const { pathname } = useLocation();
  useEffect(close, [pathname, close]);

  return (
    <AppShell header={{ height: 56 }} navbar={{ width: 240, breakpoint: "sm", collapsed: { mobile: !opened } }} padding="md" transitionDuration={0}>
      <a className="skip" href="#content">{t("nav.skip")}</a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t("nav.menu")} aria-expanded={opened} />
            <NavLink to="/" className="plain" aria-label="BotSmith"><Group gap={8} wrap="nowrap"><img src="/icon.svg" alt="" width={28} height={28} /><Text fw={700} visibleFrom="xs">BotSmith</Text></Group></NavLink>
          </Group>
          <Box visibleFrom="sm"><Looks /></Box>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" aria-label={t("nav.label")}>
        <Stack gap={2} style={{ flex: 1, overflowY: "auto" }}>
          {me.workspaces.length > 1 && workspace && (
            <NativeSelect aria-label={t("nav.workspace")} mb="xs" value={workspace} onChange={(event) => navigate(`/workspaces/${event.currentTarget.value}/chatbots`)}
              data={me.workspaces.map(({ id, name }) => ({ value: id, label: name }))} />
          )}
          {workspace && (
            <>
              <NavLink to={`/workspaces/${workspace}/chatbots`} className="nav">{t("nav.all")}</NavLink>
              <NavLink to={`/workspaces/${workspace}/inbox`} className="nav">{t("nav.inbox")}</NavLink>
              <NavLink to={`/workspaces/${workspace}/leads`} className="nav">{t("nav.leads")}</NavLink>
              <NavLink to={`/workspaces/${workspace}/analytics`} className="nav">{t("nav.analytics")}</NavLink>
              <NavLink to={`/workspaces/${workspace}/settings`} className="nav">{t("nav.settings")}</NavLink>
              <Chatbots workspace={workspace} onGo={close} />
            </>
          )}
        </Stack>
        <Stack gap={2} pt="sm" className="small">
          <Box hiddenFrom="sm"><Looks /></Box>
          {me.user.is_administrator && <NavLink to="/admin" className="nav">{t("nav.admin")}</NavLink>}
          <a href="/api/docs" className="nav">{t("nav.api")}</a>
          <NavLink to="/account" className="nav"><Text truncate inherit>{me.user.name || me.user.email}</Text></NavLink>
          <Button mt={6} variant="default" size="xs" onClick={signOut}>{t("nav.signOut")}</Button>
        </Stack>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>{me.impersonation && <Impersonation of={me.impersonation} person={me.user.email} />}<Notice />{children}</AppShell.Main>
    </AppShell>
  );
}
