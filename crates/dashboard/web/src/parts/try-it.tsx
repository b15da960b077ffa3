// Speaking to the chatbot as a visitor would, with the record of every answer beside it.
//
// It is a real conversation over the web chat, so the chatbot's web chat has to be on and allow this page's address.

import { Button, Card, Group, Stack, Text, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useRef, useState, type FormEvent } from "react";
import { say, startOver, type Accepted } from "../api/chat";
import { api, ask, type Schemas } from "../api/client";
import { useIntegrations } from "../api/hooks";
import { useTexts } from "../texts";
import { useAct } from "./act";
import { Record } from "./record";
import { useMay } from "./role";
import { Loading, Wrong } from "./state";

const Again = lazy(() => import("./again"));

interface Line {
  mine: boolean;
  text: string;
  messageId?: string;
  conversation?: string;
}

export function isAllowed(integration?: Schemas["Integration"]): boolean {
  const { allowed_origins = "" } = (integration?.credentials ?? {}) as { allowed_origins?: string };
  return Boolean(integration?.enabled) && allowed_origins.split(/[\s,]+/).includes(location.origin);
}

/** Opens the web chat for this page, next to what is allowed already. */
export function useOpenChat(chatbot: string) {
  const integrations = useIntegrations(chatbot);
  const web = integrations.data?.items.find((one) => one.platform === "web");
  const open = useAct(async () => {
    const { allowed_origins = "" } = (web?.credentials ?? {}) as { allowed_origins?: string };
    const origins = new Set([...allowed_origins.split(/[\s,]+/).filter(Boolean), location.origin]);
    const credentials = { allowed_origins: [...origins].join(" ") } as never;
    return ask(api.POST("/api/integrations/{chatbot_id}", { params: { path: { chatbot_id: chatbot } }, body: { platform: "web", enabled: true, credentials } }));
  }, ["integrations", chatbot]);
  return { integrations, allowed: isAllowed(web), open };
}

function AnswerRecord({ workspace, chatbot, line }: { workspace: string; chatbot: string; line: Line }) {
  const message = useQuery({
    queryKey: ["answer", line.messageId],
    retry: 3,
    queryFn: async () => {
      const query = { chatbot_id: chatbot, platform: "web", contact: line.conversation };
      const { items } = await ask(api.GET("/api/workspaces/{workspace_id}/conversations", { params: { path: { workspace_id: workspace }, query } }));
      const own = items.find((one) => one.contact.key.endsWith(line.conversation ?? "?"));
      if (!own) throw new Error("the conversation was not found");
      const found = await ask(api.GET("/api/conversations/{conversation_id}/messages/{message_id}", { params: { path: { conversation_id: own.id, message_id: line.messageId ?? "" } } }));
      return { found, where: { conversation: own.id, message: found.id } };
    },
  });
  const { t } = useTexts();
  const may = useMay(workspace, "admin");
  const [again, setAgain] = useState(false);
  if (message.error) return <Wrong error={message.error} retry={() => void message.refetch()} />;
  if (!message.data) return <Loading />;
  const { found: { journey: { answer } }, where } = message.data;
  return answer ? (
    <>
      <Record answer={answer} />
      {may && <Group mt="md"><Button size="xs" variant="default" onClick={() => setAgain(true)}>{t("again.title")}</Button></Group>}
      <Suspense>{again && <Again chatbot={chatbot} where={where} onClose={() => setAgain(false)} />}</Suspense>
    </>
  ) : <Text size="sm" c="dimmed">{t("try.noRecord")}</Text>;
}

export function TryIt({ chatbot, onAnswer }: { chatbot: Schemas["Chatbot"]; onAnswer?: () => void }) {
  const { t, word } = useTexts();
  const { integrations, allowed, open } = useOpenChat(chatbot.id);
  const queries = useQueryClient();
  const [lines, setLines] = useState<Line[]>([]);
  const [shown, setShown] = useState<number | null>(null);
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => { end.current?.scrollTo({ top: end.current.scrollHeight }); }, [lines, busy]);

  const send = async (event: FormEvent) => {
    event.preventDefault();
    const question = text.trim();
    if (!question) return;
    setText("");
    setError(undefined);
    setBusy(true);
    setLines((before) => [...before, { mine: true, text: question }]);
    try {
      const accepted: Accepted = await say(chatbot.id, question);
      const said = accepted.reply?.text ?? word("said", accepted.state);
      setLines((before) => {
        setShown(before.length);
        return [...before, { mine: false, text: said, messageId: accepted.reply?.id ?? accepted.message_id, conversation: accepted.conversation }];
      });
      onAnswer?.();
      for (const stale of ["unanswered", "stats", "conversations"]) void queries.invalidateQueries({ queryKey: [stale] });
    } catch (error) {
      setError(error);
      setText(question);
      setLines((before) => before.slice(0, -1));
    }
    setBusy(false);
  };

  if (integrations.error) return <Wrong error={integrations.error} retry={() => void integrations.refetch()} />;
  if (!integrations.data) return <Loading />;
  if (!allowed) {
    return (
      <Card withBorder padding="lg">
        <Stack align="flex-start">
          <Text>{t("try.closed")}</Text>
          <Text size="sm" c="dimmed">{t("try.what", { origin: location.origin })}</Text>
          {open.error && <Wrong error={open.error} />}
          <Button onClick={() => open.mutate(undefined)} loading={open.isPending}>{t("try.open")}</Button>
        </Stack>
      </Card>
    );
  }

  const line = shown === null ? undefined : lines[shown];
  return (
    <div className="split">
      <Card withBorder padding="md" component="section" aria-label={t("try.chat")}>
        <div className="log" role="log" aria-live="polite" aria-label={t("try.chat")} tabIndex={0} ref={end} style={{ height: 420 }}>
          {!lines.length && <Text c="dimmed" size="sm" ta="center" mt="xl">{t("try.empty")}</Text>}
          {lines.map((line, at) => line.mine
            ? <div className="said words" data-mine key={at}>{line.text}</div>
            : (
              <Stack gap={2} key={at} align="flex-start">
                <div className="said words">{line.text}</div>
                <Button size="compact-xs" variant="default" onClick={() => setShown(at)} aria-pressed={shown === at}>{t("try.why")}</Button>
              </Stack>
            ))}
          {busy && <Text size="sm" c="dimmed">{t("try.writing")}</Text>}
        </div>
        {error !== undefined && <Wrong error={error} />}
        <form onSubmit={send}>
          <Group mt="sm" wrap="nowrap" align="flex-end">
            <TextInput style={{ flex: 1 }} aria-label={t("try.question")} placeholder={t("try.question")} value={text} onChange={(event) => setText(event.currentTarget.value)} maxLength={4000} />
            <Button type="submit" disabled={busy || !text.trim()}>{t("try.ask")}</Button>
          </Group>
        </form>
        {lines.length > 0 && <Group mt="xs"><Button size="compact-sm" variant="default" onClick={() => { startOver(chatbot.id); setLines([]); setShown(null); }}>{t("try.again")}</Button></Group>}
      </Card>
      <Card withBorder padding="md" component="section" aria-label={t("record.title")}>
        <Text fw={600} mb="sm">{t("record.title")}</Text>
        {line?.messageId ? <AnswerRecord workspace={chatbot.workspace_id} chatbot={chatbot.id} line={line} /> : <Text size="sm" c="dimmed">{t("try.recordHint")}</Text>}
      </Card>
    </div>
  );
}
