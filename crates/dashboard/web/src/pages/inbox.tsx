// Conversations of all chatbots: finding one, reading it, answering in it.

import { Badge, Button, Card, Group, Text } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "react-router-dom";
import { api, ask, type Schemas } from "../api/client";
import { useIsLive, useLive } from "../api/live";
import { InboxFilters, useInboxFilters, Views } from "../parts/inbox/filters";
import { Labels } from "../parts/inbox/labels";
import { useResolve } from "../parts/inbox/progress";
import { ShortcutsHelp, useShortcuts } from "../parts/inbox/shortcuts";
import { Side } from "../parts/inbox/side";
import { Talk } from "../parts/inbox/talk";
import { useNames } from "../parts/names";
import { useMay } from "../parts/role";
import { Empty, Loading, More, PageHead, State, Wrong } from "../parts/state";
import { useTexts } from "../texts";

type Conversation = Schemas["Conversation"];

/** How often what is shown is asked for: where the server tells what happens, only in case it could not. */
const POLL = 4_000;
const LIVE = 60_000;

function Row({ one, to, chosen }: { one: Conversation; to: string; chosen: boolean }) {
  const { t, ago, word } = useTexts();
  const nameOf = useNames();
  return (
    <Link className="row" to={to} aria-current={chosen ? "true" : undefined}>
      <Group justify="space-between" wrap="nowrap" gap="xs"><Text fw={600} size="sm" truncate inherit={false}>{nameOf(one)}</Text><Text size="xs" style={{ whiteSpace: "nowrap" }}>{ago(one.last_message?.at ?? one.created_at)}</Text></Group>
      <Text size="sm" truncate>{one.last_message?.text}</Text>
      <Group gap={6}>
        <Text size="xs">{one.chatbot_name} · {one.platform}{one.assignee && ` · ${t("desk.of", { name: one.assignee.name })}`}</Text>
        {one.handler === "human" && <State kind="handler" value="human" />}
        {one.state !== "open" && <Badge color={one.state === "resolved" ? "green" : "orange"}>{word("talk", one.state)}</Badge>}
        {one.waiting > 0 && <Badge color="blue">{one.waiting}</Badge>}
        {one.feedback.bad > 0 && <Badge color="red">{t("feedback.badCount", { count: one.feedback.bad })}</Badge>}
        {one.feedback.good > 0 && <Badge color="green">{t("feedback.goodCount", { count: one.feedback.good })}</Badge>}
        <Labels labels={one.labels} />
      </Group>
    </Link>
  );
}

export default function Inbox() {
  const { t } = useTexts();
  const { workspace = "", conversation: id } = useParams();
  const navigate = useNavigate();
  useLive(workspace);
  const every = useIsLive() ? LIVE : POLL;
  const inbox = useInboxFilters();
  const may = useMay(workspace, "agent");
  const conversations = useInfiniteQuery({
    queryKey: ["conversations", workspace, inbox.asked], initialPageParam: "", getNextPageParam: (page: Schemas["Page_Conversation"]) => page.next ?? undefined, refetchInterval: every, placeholderData: keepPreviousData,
    queryFn: ({ pageParam }) => ask(api.GET("/api/workspaces/{workspace_id}/conversations", { params: { path: { workspace_id: workspace }, query: { ...inbox.asked, limit: 30, ...(pageParam && { after: pageParam }) } } })),
  });
  const opened = useQuery({
    queryKey: ["conversation", id], enabled: Boolean(id), refetchInterval: every,
    queryFn: () => ask(api.GET("/api/conversations/{conversation_id}", { params: { path: { conversation_id: id ?? "" } } })),
  });
  const items = conversations.data?.pages.flatMap((page) => page.items) ?? [];
  const search = inbox.query.toString();
  const list = { pathname: `/workspaces/${workspace}/inbox`, search };
  const at = (one: Conversation) => `/workspaces/${workspace}/inbox/${one.id}${search && `?${search}`}`;
  const step = (by: number) => {
    const place = items.findIndex((one) => one.id === id);
    const next = items[place < 0 ? 0 : place + by];
    if (next) navigate(at(next));
  };
  const resolve = useResolve(opened.data);
  const shortcuts = useShortcuts({
    j: () => step(1),
    k: () => step(-1),
    r: () => document.getElementById("composer")?.focus(),
    e: () => may && opened.data && resolve.mutate(undefined),
    "/": () => document.querySelector<HTMLInputElement>("main input[type=search]")?.focus(),
  });
  return (
    <>
      <PageHead title={t("nav.inbox")} note={t("inbox.note")}><Button size="xs" variant="default" onClick={() => shortcuts.setHelp(true)}>{t("desk.shortcuts")}</Button></PageHead>
      <div className="finding" data-chosen={id ? "" : undefined}>
        <Views workspace={workspace} inbox={inbox} every={every} />
        <InboxFilters workspace={workspace} inbox={inbox} />
      </div>
      {resolve.error && <Wrong error={resolve.error} />}
      <div className="inbox" data-chosen={id ? "" : undefined}>
        <Card withBorder padding={0} component="nav" aria-label={t("inbox.list")}>
          {conversations.isPending && <div style={{ padding: 16 }}><Loading /></div>}
          {conversations.error && <Wrong error={conversations.error} retry={() => void conversations.refetch()} />}
          {conversations.data && !items.length && <div style={{ padding: 16 }}><Empty title={t(inbox.any ? "none.found" : "inbox.none")}>{t(inbox.any ? "desk.noneHint" : "desk.noneOpen")}</Empty></div>}
          {items.map((one) => <Row key={one.id} one={one} to={at(one)} chosen={one.id === id} />)}
          {conversations.hasNextPage && <div style={{ paddingBottom: 12 }}><More onMore={() => void conversations.fetchNextPage()} busy={conversations.isFetchingNextPage} /></div>}
        </Card>
        {!id && <Empty title={t("inbox.choose")}>{t("inbox.chooseHint")}</Empty>}
        {id && (
          <div className="talk">
            <Link className="to-list" to={list}>← {t("desk.toList")}</Link>
            {opened.data ? <Talk key={id} one={opened.data} workspace={workspace} every={every} /> : opened.error ? <Wrong error={opened.error} retry={() => void opened.refetch()} /> : <Loading />}
          </div>
        )}
        {id && opened.data && <Side key={`${id}-side`} one={opened.data} workspace={workspace} />}
      </div>
      <ShortcutsHelp of={shortcuts} />
    </>
  );
}
