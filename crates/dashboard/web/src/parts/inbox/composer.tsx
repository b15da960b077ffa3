// Writing into a conversation: to the person, or a note to colleagues. A slash brings canned replies.

import { Button, Group, SegmentedControl, Stack, Text, Textarea } from "@mantine/core";
import { lazy, Suspense, useId, useState, type FormEvent, type KeyboardEvent } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useCannedReplies, useMe, usePlatforms } from "../../api/hooks";
import { useTexts } from "../../texts";
import { useAct } from "../act";
import { SentAs } from "../sent-as";
import { Wrong } from "../state";
import { fitting, wantedOf, withReply } from "./canned";

const Template = lazy(() => import("../template"));

type Conversation = Schemas["Conversation"];

/** Since when only a template may be sent; nothing: answers may. */
function closedSince(one: Conversation, platform?: Schemas["PlatformView"]): string | undefined {
  const seconds = platform?.limits.reply_window_seconds;
  if (!seconds || !one.last_inbound_at) return undefined;
  const closes = new Date(one.last_inbound_at).getTime() + seconds * 1000;
  return closes < Date.now() ? new Date(closes).toISOString() : undefined;
}

export function Composer({ one, workspace }: { one: Conversation; workspace: string }) {
  const { t, time } = useTexts();
  const list = useId();
  const me = useMe().data?.user;
  const path = { conversation_id: one.id };
  const [as, setAs] = useState<"reply" | "note">("reply");
  const [text, setText] = useState("");
  const [choosing, setChoosing] = useState(false);
  const [at, setAt] = useState(0);
  const [closedFor, setClosedFor] = useState<string>();
  const canned = useCannedReplies(workspace);
  const platform = usePlatforms().data?.items.find((it) => it.platform === one.platform);
  const closed = closedSince(one, platform);
  const stale = [["conversation", one.id], ["messages", one.id], ["conversations"], ["counts"]];
  const reply = useAct((text: string) => ask(api.POST("/api/conversations/{conversation_id}/replies", { params: { path }, body: { text } })), ...stale);
  const note = useAct((text: string) => ask(api.POST("/api/conversations/{conversation_id}/notes", { params: { path }, body: { text } })), ["notes", one.id]);
  const busy = reply.isPending || note.isPending;

  const wanted = as === "reply" ? wantedOf(text) : undefined;
  const offered = wanted === closedFor ? [] : fitting(canned.data?.items ?? [], wanted);
  const chosen = offered[Math.min(at, offered.length - 1)];
  const write = (text: string) => { setText(text); setAt(0); setClosedFor(undefined); };
  const pick = (reply: Schemas["CannedReply"]) => write(withReply(text, reply, { contact: one.contact.name ?? one.contact.email ?? "", agent: me?.name || me?.email || "" }));

  const send = (event: FormEvent) => {
    event.preventDefault();
    const said = text.trim();
    if (said && !busy) (as === "note" ? note : reply).mutate(said, { onSuccess: () => write("") });
  };
  const onKey = (event: KeyboardEvent) => {
    if (chosen) {
      const moves: Partial<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1 };
      const move = moves[event.key];
      if (move) setAt((at + move + offered.length) % offered.length);
      else if (event.key === "Enter" || event.key === "Tab") pick(chosen);
      else if (event.key === "Escape") setClosedFor(wanted);
      else return;
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      send(event);
    } else if (event.key === "Escape") {
      (event.target as HTMLElement).blur();
    }
  };
  return (
    <form onSubmit={send}>
      <Stack mt="sm" gap="xs">
        <SegmentedControl size="xs" aria-label={t("desk.writeAs")} value={as} onChange={(value) => setAs(value as "reply" | "note")} data={[{ value: "reply", label: t("desk.toPerson") }, { value: "note", label: t("desk.toColleagues") }]} />
        <div style={{ position: "relative" }}>
          {chosen && (
            <div className="offered" role="listbox" id={list} aria-label={t("desk.canned")}>
              {offered.map((reply, place) => (
                <div key={reply.id} id={`${list}-${place}`} role="option" aria-selected={reply === chosen} className="row" onMouseDown={(event) => { event.preventDefault(); pick(reply); }}>
                  <Text size="sm" fw={600}>/{reply.name}</Text><Text size="xs" lineClamp={2}>{reply.text}</Text>
                </div>
              ))}
            </div>
          )}
          <Textarea id="composer" label={t(as === "note" ? "desk.note" : "inbox.reply")} minRows={2} value={text} onChange={(event) => write(event.currentTarget.value)} maxLength={as === "note" ? 4000 : 16000} onKeyDown={onKey}
            description={as === "note" ? t("desk.noteHint") : one.handler === "bot" ? t("inbox.replyHint") : canned.data?.items.length ? t("desk.cannedHint") : undefined} classNames={{ input: as === "note" ? "noting" : undefined }}
            aria-autocomplete="list" aria-haspopup="listbox" aria-controls={chosen && list} aria-activedescendant={chosen && `${list}-${offered.indexOf(chosen)}`} />
        </div>
        {[reply.error, note.error].map((error, at) => error && <Wrong key={at} error={error} />)}
        {as === "reply" && <SentAs one={one} text={text} />}
        {as === "reply" && closed && <Text size="sm">{t("template.closed", { time: time(closed) })}</Text>}
        <Group justify="flex-end">
          {platform?.features.templates && <Button variant="default" onClick={() => setChoosing(true)}>{t("template.title")}</Button>}
          <Button type="submit" loading={busy} disabled={!text.trim()}>{t(as === "note" ? "desk.addNote" : "inbox.send")}</Button>
        </Group>
      </Stack>
      <Suspense>{choosing && <Template one={one} onClose={() => setChoosing(false)} />}</Suspense>
    </form>
  );
}
