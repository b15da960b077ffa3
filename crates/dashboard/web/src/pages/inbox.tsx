import { Alert, Badge, Button, Card, Group, Modal, NativeSelect, Stack, Text, Textarea, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useRef, useState, type FormEvent } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router-dom";
import { api, ask, type Schemas } from "../api/client";
import { useChatbots, usePlatforms } from "../api/hooks";
import { useAct } from "../parts/act";
import { useNames } from "../parts/names";
import { Record } from "../parts/record";
import { usePaged } from "../parts/paged";
import { useMay } from "../parts/role";
import { SentAs } from "../parts/sent-as";
import { Empty, Loading, More, PageHead, State, Wrong } from "../parts/state";
import { useTexts } from "../texts";

const Again = lazy(() => import("../parts/again"));
const Template = lazy(() => import("../parts/template"));

type Conversation = Schemas["Conversation"];

/** Lists are asked for again so often; there is no stream of an inbox's events yet. */
const LIVE = 4_000;

/** Since when only a template may be sent; nothing: answers may. */
function closedSince(one: Conversation, platform?: Schemas["PlatformView"]): string | undefined {
  const seconds = platform?.limits.reply_window_seconds;
  if (!seconds || !one.last_inbound_at) return undefined;
  const closes = new Date(one.last_inbound_at).getTime() + seconds * 1000;
  return closes < Date.now() ? new Date(closes).toISOString() : undefined;
}

function Talk({ id, workspace }: { id: string; workspace: string }) {
  const { t, time, word } = useTexts();
  const nameOf = useNames();
  const path = { conversation_id: id };
  const conversation = useQuery({ queryKey: ["conversation", id], queryFn: () => ask(api.GET("/api/conversations/{conversation_id}", { params: { path } })), refetchInterval: LIVE });
  const messages = usePaged(["messages", id], (after) => ask(api.GET("/api/conversations/{conversation_id}/messages", { params: { path, query: { limit: 100, after } } })), LIVE / 2);
  const [text, setText] = useState("");
  const [shown, setShown] = useState<Schemas["Message"] | null>(null);
  const [again, setAgain] = useState<Schemas["Message"] | null>(null);
  const [choosing, setChoosing] = useState(false);
  const mayAgain = useMay(workspace, "admin");
  const platforms = usePlatforms();
  const stale = [["conversation", id], ["messages", id], ["conversations"]];
  const take = useAct(async () => ask(api.POST("/api/conversations/{conversation_id}/take-over", { params: { path } })), ...stale);
  const back = useAct(async () => ask(api.POST("/api/conversations/{conversation_id}/hand-back", { params: { path } })), ...stale);
  const reply = useAct((text: string) => ask(api.POST("/api/conversations/{conversation_id}/replies", { params: { path }, body: { text } })), ...stale);
  const lead = useAct(async () => ask(api.POST("/api/conversations/{conversation_id}/lead", { params: { path } })), ["leads", workspace]);
  const agent = useMay(workspace, "agent");
  const navigate = useNavigate();
  const end = useRef<HTMLDivElement>(null);
  const newest = messages.data?.pages[0]?.items[0]?.id;
  useEffect(() => { end.current?.scrollTo({ top: end.current.scrollHeight }); }, [newest]);

  if (conversation.error) return <Wrong error={conversation.error} retry={() => void conversation.refetch()} />;
  if (!conversation.data) return <Loading />;
  const one = conversation.data;
  const platform = platforms.data?.items.find((it) => it.platform === one.platform);
  const closed = closedSince(one, platform);
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim()) reply.mutate(text.trim(), { onSuccess: () => setText("") });
  };
  return (
    <Card withBorder padding="md" component="section" aria-label={nameOf(one)}>
      <Group justify="space-between" align="flex-start" mb="sm" gap="xs">
        <div style={{ minWidth: 0, flex: "1 1 200px" }}>
          <Title order={2} className="words">{nameOf(one)}</Title>
          <Group gap="xs"><Text size="sm" c="dimmed">{one.chatbot_name} · {one.platform}</Text><State kind="handler" value={one.handler} /></Group>
        </div>
        {agent && <Button variant="default" onClick={() => lead.mutate(undefined, { onSuccess: ({ lead: { id } }) => navigate(`/workspaces/${workspace}/leads?lead=${id}`) })} loading={lead.isPending}>{t("leads.make")}</Button>}
        {one.handler === "human"
          ? <Button variant="default" onClick={() => back.mutate(undefined)} loading={back.isPending}>{t("inbox.handBack")}</Button>
          : <Button onClick={() => take.mutate(undefined)} loading={take.isPending}>{t("inbox.takeOver")}</Button>}
      </Group>
      {one.handoff && <Alert color="orange" mb="sm"><Text size="sm">{word("handoffReason", one.handoff.reason)}{one.handoff.detail && `: “${one.handoff.detail}”`} · {time(one.handoff.since)}{one.handoff.back_at && ` · ${t("inbox.backAt", { time: time(one.handoff.back_at) })}`}</Text></Alert>}
      {[take.error, back.error, reply.error, lead.error].map((error, at) => error && <Wrong key={at} error={error} />)}
      {messages.error && <Wrong error={messages.error} retry={() => void messages.refetch()} />}
      {messages.isPending && <Loading />}
      {messages.data && (
        <div className="log" role="log" aria-label={t("inbox.messages")} tabIndex={0} ref={end} style={{ maxHeight: "55vh", minHeight: 220, padding: "4px 0" }}>
          {messages.hasNextPage && <More onMore={() => void messages.fetchNextPage()} busy={messages.isFetchingNextPage} />}
          {messages.data.pages.flatMap((page) => page.items).toReversed().map((message) => {
            const ours = message.direction === "outbound";
            const failed = message.journey.parts.find((part) => ours && part.error);
            return (
              <Stack key={message.id} gap={2} align={ours ? "flex-end" : "flex-start"}>
                <div className="said words" data-mine={ours || undefined}>{message.text || t("inbox.noText")}</div>
                <Group gap="xs">
                  <Text size="xs" c="dimmed">{ours ? word("sender", message.sender ?? "bot") : nameOf(one)} · {time(message.journey.accepted_at)}</Text>
                  {!ours && message.state && message.state !== "answered" && <State value={message.state} />}
                  {failed && <Badge color="red">{failed.error}</Badge>}
                  {ours && message.journey.answer && <Button size="compact-xs" variant="default" onClick={() => setShown(message)}>{t("try.why")}</Button>}
                </Group>
              </Stack>
            );
          })}
        </div>
      )}
      <form onSubmit={send}>
        <Stack mt="sm" gap="xs">
          <Textarea label={t("inbox.reply")} description={one.handler === "bot" ? t("inbox.replyHint") : undefined} minRows={2} value={text} onChange={(event) => setText(event.currentTarget.value)} maxLength={16000}
            onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event); }} />
          <SentAs one={one} text={text} />
          {closed && <Text size="sm">{t("template.closed", { time: time(closed) })}</Text>}
          <Group justify="flex-end">
            {platform?.features.templates && <Button variant="default" onClick={() => setChoosing(true)}>{t("template.title")}</Button>}
            <Button type="submit" loading={reply.isPending} disabled={!text.trim()}>{t("inbox.send")}</Button>
          </Group>
        </Stack>
      </form>
      <Modal opened={shown !== null} onClose={() => setShown(null)} title={t("record.title")} size="lg" closeButtonProps={{ "aria-label": t("do.close") }}>
        {shown?.journey.answer && <Record answer={shown.journey.answer} />}
        {mayAgain && <Group mt="md"><Button variant="default" onClick={() => { setAgain(shown); setShown(null); }}>{t("again.title")}</Button></Group>}
      </Modal>
      <Suspense>
        {again && <Again chatbot={one.chatbot_id} where={{ conversation: id, message: again.id }} onClose={() => setAgain(null)} />}
        {choosing && <Template one={one} onClose={() => setChoosing(false)} />}
      </Suspense>
    </Card>
  );
}

export default function Inbox() {
  const { t, ago, word } = useTexts();
  const nameOf = useNames();
  const { workspace = "", conversation } = useParams();
  const [query, setQuery] = useSearchParams();
  const filter = (name: string) => query.get(name) ?? "";
  const set = (name: string, value: string) => setQuery((before) => { if (value) before.set(name, value); else before.delete(name); return before; }, { replace: true });
  const [contact, setContact] = useState(filter("contact"));
  const [wanted] = useDebouncedValue(contact, 300);
  useEffect(() => { if (wanted !== (query.get("contact") ?? "")) set("contact", wanted); }, [wanted]);
  const filters = Object.fromEntries(["chatbot_id", "platform", "handler", "contact"].map((name) => [name, filter(name)]).filter(([, value]) => value));
  const chatbots = useChatbots(workspace);
  const platforms = usePlatforms();
  const conversations = useInfiniteQuery({
    queryKey: ["conversations", workspace, filters], initialPageParam: "", getNextPageParam: (page: Schemas["Page_Conversation"]) => page.next ?? undefined, refetchInterval: LIVE,
    queryFn: ({ pageParam }) => ask(api.GET("/api/workspaces/{workspace_id}/conversations", { params: { path: { workspace_id: workspace }, query: { ...filters, limit: 30, ...(pageParam && { after: pageParam }) } as never } })),
  });
  const items = conversations.data?.pages.flatMap((page) => page.items) ?? [];
  const filtered = Object.keys(filters).length > 0;
  return (
    <>
      <PageHead title={t("nav.inbox")} note={t("inbox.note")} />
      <Group mb="md" gap="sm" align="flex-end">
        <TextInput label={t("inbox.contact")} type="search" value={contact} onChange={(event) => setContact(event.currentTarget.value)} />
        <NativeSelect label={t("inbox.chatbot")} value={filter("chatbot_id")} onChange={(event) => set("chatbot_id", event.currentTarget.value)} data={[{ value: "", label: t("inbox.any") }, ...(chatbots.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))]} />
        <NativeSelect label={t("col.channel")} value={filter("platform")} onChange={(event) => set("platform", event.currentTarget.value)} data={[{ value: "", label: t("inbox.any") }, ...(platforms.data?.items ?? []).map(({ platform, title }) => ({ value: platform, label: title }))]} />
        <NativeSelect label={t("inbox.handler")} value={filter("handler")} onChange={(event) => set("handler", event.currentTarget.value)} data={[{ value: "", label: t("inbox.any") }, ...["bot", "human"].map((value) => ({ value, label: word("handler", value) }))]} />
      </Group>
      <div className="inbox">
        <Card withBorder padding={0} component="nav" aria-label={t("inbox.list")}>
          {conversations.isPending && <div style={{ padding: 16 }}><Loading /></div>}
          {conversations.error && <Wrong error={conversations.error} retry={() => void conversations.refetch()} />}
          {conversations.data && !items.length && <div style={{ padding: 16 }}><Empty title={t(filtered ? "none.found" : "inbox.none")}>{filtered ? null : t("inbox.noneHint")}</Empty></div>}
          {items.map((one) => (
            <Link key={one.id} className="row" to={{ pathname: `/workspaces/${workspace}/inbox/${one.id}`, search: query.toString() }} aria-current={one.id === conversation ? "true" : undefined}>
              <Group justify="space-between" wrap="nowrap" gap="xs"><Text fw={600} size="sm" truncate inherit={false}>{nameOf(one)}</Text><Text size="xs" style={{ whiteSpace: "nowrap" }}>{ago(one.last_message?.at ?? one.created_at)}</Text></Group>
              <Text size="sm" truncate>{one.last_message?.text}</Text>
              <Group gap={6}><Text size="xs">{one.chatbot_name} · {one.platform}</Text>{one.handler === "human" && <State kind="handler" value="human" />}{one.waiting > 0 && <Badge color="blue">{one.waiting}</Badge>}</Group>
            </Link>
          ))}
          {conversations.hasNextPage && <div style={{ paddingBottom: 12 }}><More onMore={() => void conversations.fetchNextPage()} busy={conversations.isFetchingNextPage} /></div>}
        </Card>
        {conversation ? <Talk key={conversation} id={conversation} workspace={workspace} /> : <Empty title={t("inbox.choose")}>{t("inbox.chooseHint")}</Empty>}
      </div>
    </>
  );
}
