// What was said in a conversation, and what colleagues noted between, the newest last.

import { Badge, Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useTexts } from "../../texts";
import { useAct } from "../act";
import { useNames } from "../names";
import { usePaged } from "../paged";
import { useMay } from "../role";
import { Loading, More, State, Wrong } from "../state";

type Conversation = Schemas["Conversation"];
type Message = Schemas["Message"];
type Note = Schemas["Note"];

/** What the person says of an answer, and why. */
function Rated({ feedback: { rating, comment, at } }: { feedback: Schemas["Feedback"] }) {
  const { t, time, word } = useTexts();
  return (
    <>
      <Badge color={rating === "good" ? "green" : "red"} title={time(at)}>{word("feedback", rating)}</Badge>
      {comment && <Text size="sm" className="words" fs="italic">{t("feedback.said", { comment })}</Text>}
    </>
  );
}

function Said({ one, message, onWhy, onCorrect }: { one: Conversation; message: Message; onWhy: () => void; onCorrect?: () => void }) {
  const { t, time, word } = useTexts();
  const nameOf = useNames();
  const ours = message.direction === "outbound";
  const failed = message.journey.parts.find((part) => ours && part.error);
  const who = ours ? (message.author ?? word("sender", message.sender ?? "bot")) : nameOf(one);
  const answer = ours && message.journey.answer;
  return (
    <Stack gap={2} align={ours ? "flex-end" : "flex-start"}>
      <div className="said words" data-mine={ours || undefined}>{message.text || t("inbox.noText")}</div>
      <Group gap="xs">
        <Text size="xs" c="dimmed">{who} · {time(message.journey.accepted_at)}</Text>
        {!ours && message.state && message.state !== "answered" && <State value={message.state} />}
        {message.feedback && <Rated feedback={message.feedback} />}
        {failed && <Badge color="red">{failed.error}</Badge>}
        {answer && <Button size="compact-xs" variant="default" onClick={onWhy}>{t("try.why")}</Button>}
        {answer && onCorrect && <Button size="compact-xs" variant="default" onClick={onCorrect}>{t("desk.correctDo")}</Button>}
      </Group>
    </Stack>
  );
}

function Noted({ note, onDelete }: { note: Note; onDelete?: () => void }) {
  const { t, time } = useTexts();
  return (
    <Stack gap={2} align="stretch">
      <div className="noted words"><Text size="xs" fw={700}>{t("desk.noteBy", { name: note.author_name ?? t("desk.former") })}</Text>{note.text}</div>
      <Group gap="xs" justify="flex-end">
        <Text size="xs" c="dimmed">{time(note.created_at)}</Text>
        {onDelete && <Button size="compact-xs" variant="default" onClick={onDelete} aria-label={`${t("do.delete")}: ${note.text.slice(0, 40)}`}>{t("do.delete")}</Button>}
      </Group>
    </Stack>
  );
}

export function Thread({ one, workspace, every, onWhy, onCorrect }: { one: Conversation; workspace: string; every: number; onWhy: (message: Message) => void; onCorrect: (message: Message) => void }) {
  const { t } = useTexts();
  const path = { conversation_id: one.id };
  const may = useMay(workspace, "agent");
  const messages = usePaged(["messages", one.id], (after) => ask(api.GET("/api/conversations/{conversation_id}/messages", { params: { path, query: { limit: 100, after } } })), every);
  const notes = useQuery({ queryKey: ["notes", one.id], refetchInterval: every, queryFn: () => ask(api.GET("/api/conversations/{conversation_id}/notes", { params: { path, query: { limit: 200 } } })) });
  const drop = useAct((note_id: string) => ask(api.DELETE("/api/conversations/{conversation_id}/notes/{note_id}", { params: { path: { ...path, note_id } } })), ["notes", one.id]);
  const end = useRef<HTMLDivElement>(null);
  const said = messages.data?.pages.flatMap((page) => page.items) ?? [];
  const earliest = messages.hasNextPage ? said.at(-1)?.id ?? "" : "";
  // Ids are made in the order of time.
  const noted = (notes.data?.items ?? []).filter(({ id }) => id > earliest);
  const lines = [...said.map((message) => ({ id: message.id, message })), ...noted.map((note) => ({ id: note.id, note }))].sort((a, b) => (a.id < b.id ? -1 : 1));
  const newest = lines.at(-1)?.id;
  useEffect(() => { end.current?.scrollTo({ top: end.current.scrollHeight }); }, [newest]);
  return (
    <>
      {[messages.error, notes.error].map((error, at) => error && <Wrong key={at} error={error} retry={() => { void messages.refetch(); void notes.refetch(); }} />)}
      {drop.error && <Wrong error={drop.error} />}
      {messages.isPending && <Loading />}
      {messages.data && (
        <div className="log" role="log" aria-label={t("inbox.messages")} tabIndex={0} ref={end} style={{ maxHeight: "55vh", minHeight: 220, padding: "4px 0" }}>
          {messages.hasNextPage && <More onMore={() => void messages.fetchNextPage()} busy={messages.isFetchingNextPage} />}
          {lines.map((line) => ("message" in line
            ? <Said key={line.id} one={one} message={line.message} onWhy={() => onWhy(line.message)} onCorrect={may ? () => onCorrect(line.message) : undefined} />
            : <Noted key={line.id} note={line.note} onDelete={may ? () => drop.mutate(line.note.id) : undefined} />))}
        </div>
      )}
    </>
  );
}
