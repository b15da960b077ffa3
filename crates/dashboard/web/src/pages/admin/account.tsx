// One account: what it is, and what an administrator can do with it.

import { Button, Group, Modal, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { Link } from "react-router-dom";
import { api, ask, type Schemas } from "../../api/client";
import { useMe } from "../../api/hooks";
import { useAct } from "../../parts/act";
import { Confirm, Section, Shown, State, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";
import { PasswordLink } from "./bring-in";
import { useIsMine } from "./shared";

type User = Schemas["UserOverview"];

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return <div><Text size="xs" c="dimmed">{name}</Text><Text size="sm" component="div" className="words">{children}</Text></div>;
}

function Facts({ user }: { user: User }) {
  const { t, time, word } = useTexts();
  const isMine = useIsMine();
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }}>
      <Fact name={t("col.state")}><Group gap="xs"><State value={user.state} />{user.disabled_at && t("users.disabledSince", { time: time(user.disabled_at) })}</Group>{user.must_change_password && t("users.mustChange")}</Fact>
      <Fact name={t("signIn.email")}>{user.email}</Fact>
      <Fact name={t("users.makeAdministrator")}>{t(user.is_administrator ? "users.yes" : "users.no")}</Fact>
      <Fact name={t("col.signedIn")}>{user.last_sign_in_at ? time(user.last_sign_in_at) : t("never")}{user.last_sign_in_ip && ` · ${user.last_sign_in_ip}`}</Fact>
      <Fact name={t("users.sessions")}>{t("users.browsers", { count: user.sessions })}</Fact>
      <Fact name={t("mfa.title")}>{user.second_factor_since ? t("mfa.since", { time: time(user.second_factor_since) }) : t("mfa.not")}</Fact>
      <Fact name={t("users.made")}>{time(user.created_at)}</Fact>
      <Fact name={t("admin.workspaces")}>{user.workspaces.length ? user.workspaces.map((seat) => <div key={seat.id}>{isMine(seat.id) ? <Link to={`/workspaces/${seat.id}/settings`}>{seat.name}</Link> : seat.name} · {word("role", seat.role)}</div>) : t("users.noWorkspaces")}</Fact>
    </SimpleGrid>
  );
}

function Deed({ what, children }: { what: string; children: ReactNode }) {
  return <Group className="item" justify="space-between" gap="sm"><Text size="sm" style={{ flex: "1 1 260px" }}>{what}</Text>{children}</Group>;
}

/** Why, and then the pages as that person sees them. */
function Impersonate({ user, onClose }: { user: User; onClose: () => void }) {
  const { t } = useTexts();
  const [reason, setReason] = useState("");
  const begin = useAct(async () => ask(api.POST("/api/administration/users/{user_id}/impersonate", { params: { path: { user_id: user.id } }, body: { reason } })));
  return (
    <form onSubmit={(event) => { event.preventDefault(); begin.mutate(undefined, { onSuccess: () => location.assign("/") }); }}>
      <Stack>
        <Text size="sm">{t("impersonation.what")}</Text>
        <TextInput label={t("impersonation.why")} description={t("impersonation.whyHint")} required maxLength={300} value={reason} onChange={(event) => setReason(event.currentTarget.value)} data-autofocus />
        {begin.error && <Wrong error={begin.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" color="orange" c="black" loading={begin.isPending}>{t("impersonation.begin")}</Button></Group>
      </Stack>
    </form>
  );
}

function Deeds({ user }: { user: User }) {
  const { t } = useTexts();
  const own = useMe().data?.user.id === user.id;
  const [asked, setAsked] = useState<"signOut" | "change" | "disable" | "resetMfa" | null>(null);
  const [acting, setActing] = useState(false);
  const at = { params: { path: { user_id: user.id } } };
  const stale = ["admin"];
  const link = useAct(async () => ask(api.POST("/api/administration/users/{user_id}/password-link", at)), stale);
  const signOut = useAct(async () => ask(api.POST("/api/administration/users/{user_id}/sign-out", at)), stale);
  const change = useAct(async () => ask(api.POST("/api/administration/users/{user_id}/require-password-change", at)), stale);
  const disable = useAct(async () => ask(api.POST("/api/administration/users/{user_id}/disable", at)), stale);
  const enable = useAct(async () => ask(api.POST("/api/administration/users/{user_id}/enable", at)), stale);
  const resetMfa = useAct(async () => ask(api.POST("/api/administration/users/{user_id}/reset-second-factor", at)), stale);
  const deeds = { signOut, change, disable, resetMfa };
  return (
    <Section title={t("users.actions")}>
      <Stack>
        {!user.disabled_at && <Deed what={t("users.newLinkWhat")}><Button variant="default" loading={link.isPending} onClick={() => link.mutate(undefined)}>{t("users.newLink")}</Button></Deed>}
        {link.data && <PasswordLink made={link.data} />}
        {user.state === "active" && !user.must_change_password && <Deed what={t("users.changeWhat")}><Button variant="default" onClick={() => setAsked("change")}>{t("users.change")}</Button></Deed>}
        {user.sessions > 0 && <Deed what={t("users.signOutWhat")}><Button variant="default" onClick={() => setAsked("signOut")}>{t("users.signOut")}</Button></Deed>}
        {signOut.data && <Text size="sm" role="status">{t("users.signedOut", { count: signOut.data.sessions })}</Text>}
        {user.second_factor_since && !own && <Deed what={t("users.resetMfaWhat")}><Button variant="default" onClick={() => setAsked("resetMfa")}>{t("users.resetMfa")}</Button></Deed>}
        {!own && !user.is_administrator && !user.disabled_at && <Deed what={t("impersonation.what")}><Button variant="default" onClick={() => setActing(true)}>{t("impersonation.begin")}</Button></Deed>}
        {user.disabled_at && <Deed what={t("users.enableWhat")}><Button loading={enable.isPending} onClick={() => enable.mutate(undefined)}>{t("users.enable")}</Button></Deed>}
        {own && <Text size="sm" className="item">{t("users.own")}</Text>}
        {!own && !user.disabled_at && <Deed what={t("users.disableWhat")}><Button variant="outline" color="red" onClick={() => setAsked("disable")}>{t("users.disable")}</Button></Deed>}
        {[link.error, enable.error].map((error, at) => error && <Wrong key={at} error={error} />)}
      </Stack>
      <Modal opened={acting} onClose={() => setActing(false)} title={t("impersonation.title", { email: user.email })} closeButtonProps={{ "aria-label": t("do.close") }}>{acting && <Impersonate user={user} onClose={() => setActing(false)} />}</Modal>
      <Confirm opened={asked !== null} onClose={() => setAsked(null)} title={asked ? t(`users.${asked}Title`, { email: user.email }) : ""} action={asked ? t(`users.${asked}`) : ""}
        name={asked === "disable" ? user.email : undefined} onConfirm={async () => asked && deeds[asked].mutateAsync(undefined)}>{asked && t(`users.${asked}What`)}</Confirm>
    </Section>
  );
}

export function Account({ id, back }: { id: string; back: string }) {
  const { t } = useTexts();
  const user = useQuery({ queryKey: ["admin", "user", id], queryFn: () => ask(api.GET("/api/administration/users/{user_id}", { params: { path: { user_id: id } } })) });
  return (
    <Stack>
      <Group><Button component={Link} to={back} variant="default" size="xs">{t("users.back")}</Button></Group>
      <Shown of={user}>
        {(user) => (
          <>
            <Section title={user.name || user.email} action={<Text size="sm"><Link to={`/admin/activity?user_id=${id}`}>{t("users.did")}</Link></Text>}><Facts user={user} /></Section>
            <Deeds user={user} />
          </>
        )}
      </Shown>
    </Stack>
  );
}
