// Reading somebody else's conversation. Every request for it is written down, so it is asked for once and not again by itself.

import { Alert, Badge, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "react-router-dom";
import { api, ask, type Schemas } from "../../api/client";
import { useNames } from "../../parts/names";
import { Loading, More, State, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";
import { useTitled } from "./shared";

function Line({ message, them }: { message: Schemas["Page_Message"]["items"][number]; them: string }) {
  const { t, time, word } = useTexts();
  const ours = message.direction === "outbound";
  const failed = message.error ?? message.journey.parts.find((part) => part.error)?.error;
  return (
    <Stack gap={2} align={ours ? "flex-end" : "flex-start"}>
      <div className="said words" data-mine={ours || undefined}>{message.text || t("inbox.noText")}</div>
      <Group gap="xs">
        <Text size="xs" c="dimmed">{ours ? word("sender", message.sender ?? "bot") : them} · {time(message.journey.accepted_at)}</Text>
        {!ours && message.state && message.state !== "answered" && <State value={message.state} />}
        {failed && <Badge color="red">{failed}</Badge>}
      </Group>
    </Stack>
  );
}

export function Reading({ id }: { id: string }) {
  const { t, time, word } = useTexts();
  const nameOf = useNames();
  const titled = useTitled();
  const read = useInfiniteQuery({
    queryKey: ["reading", id], staleTime: Infinity, retry: false, initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Schemas["ReadConversation"]) => page.messages.next ?? undefined,
    queryFn: ({ pageParam }) => ask(api.GET("/api/administration/conversations/{conversation_id}", { params: { path: { conversation_id: id }, query: { after: pageParam, limit: 100 } } })),
  });
  const newest = read.data?.pages[0];
  if (read.error) return <Wrong error={read.error} retry={() => void read.refetch()} />;
  if (!newest || !read.data) return <Loading />;
  const { conversation: one, workspace_id, workspace_name } = newest;
  return (
    <Card withBorder padding="md" component="section" aria-label={nameOf(one)}>
      <Title order={2} className="words">{nameOf(one)}</Title>
      <Group gap="xs" mb="sm"><Text size="sm" c="dimmed">{workspace_name} · {one.chatbot_name} · {titled(one.platform)}</Text><State kind="handler" value={one.handler} /></Group>
      <Text size="sm" mb="sm"><Link to={`/admin/activity?action=conversation.read&workspace_id=${workspace_id}`}>{t("atalks.written", { workspace: workspace_name })}</Link></Text>
      {one.handoff && <Alert color="orange" mb="sm"><Text size="sm">{word("handoffReason", one.handoff.reason)}{one.handoff.detail && `: “${one.handoff.detail}”`} · {time(one.handoff.since)}</Text></Alert>}
      <div className="log" role="log" aria-label={t("inbox.messages")} tabIndex={0} style={{ maxHeight: "60vh", minHeight: 160, padding: "4px 0" }}>
        {read.hasNextPage && <More onMore={() => void read.fetchNextPage()} busy={read.isFetchingNextPage} />}
        {read.data.pages.flatMap((page) => page.messages.items).toReversed().map((message) => <Line key={message.id} message={message} them={nameOf(one)} />)}
      </div>
    </Card>
  );
}
