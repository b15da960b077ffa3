// One conversation: what was said, whose it is, and what can be done about it.

import { Alert, Button, Card, Group, Modal, Text, Title } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useTexts } from "../../texts";
import { useAct } from "../act";
import { useNames } from "../names";
import { Record } from "../record";
import { useMay } from "../role";
import { State, Wrong } from "../state";
import { Composer } from "./composer";
import { Labels } from "./labels";
import { Progress } from "./progress";
import { Thread } from "./thread";

const Again = lazy(() => import("../again"));
const Correct = lazy(() => import("./correct"));

type Message = Schemas["Message"];

export function Talk({ one, workspace, every }: { one: Schemas["Conversation"]; workspace: string; every: number }) {
  const { t, time, word } = useTexts();
  const nameOf = useNames();
  const path = { conversation_id: one.id };
  const [shown, setShown] = useState<Message | null>(null);
  const [again, setAgain] = useState<Message | null>(null);
  const [wrong, setWrong] = useState<Message | null>(null);
  const mayAgain = useMay(workspace, "admin");
  const mayAnswer = useMay(workspace, "agent");
  const stale = [["conversation", one.id], ["messages", one.id], ["conversations"], ["counts"]];
  const take = useAct(async () => ask(api.POST("/api/conversations/{conversation_id}/take-over", { params: { path } })), ...stale);
  const back = useAct(async () => ask(api.POST("/api/conversations/{conversation_id}/hand-back", { params: { path } })), ...stale);
  return (
    <Card withBorder padding="md" component="section" aria-label={nameOf(one)}>
      <Group justify="space-between" align="flex-start" mb="sm" gap="xs">
        <div style={{ minWidth: 0, flex: "1 1 200px" }}>
          <Title order={2} className="words">{nameOf(one)}</Title>
          <Group gap="xs"><Text size="sm" c="dimmed">{one.chatbot_name} · {one.platform}</Text><State kind="handler" value={one.handler} /><Labels labels={one.labels} /></Group>
        </div>
        {mayAnswer && (
          <Group gap="xs">
            <Progress one={one} />
            {one.handler === "human"
              ? <Button size="xs" variant="default" onClick={() => back.mutate(undefined)} loading={back.isPending}>{t("inbox.handBack")}</Button>
              : <Button size="xs" onClick={() => take.mutate(undefined)} loading={take.isPending}>{t("inbox.takeOver")}</Button>}
          </Group>
        )}
      </Group>
      {one.handoff && <Alert color="orange" mb="sm"><Text size="sm">{word("handoffReason", one.handoff.reason)}{one.handoff.detail && `: “${one.handoff.detail}”`} · {time(one.handoff.since)}{one.handoff.back_at && ` · ${t("inbox.backAt", { time: time(one.handoff.back_at) })}`}</Text></Alert>}
      {[take.error, back.error].map((error, at) => error && <Wrong key={at} error={error} />)}
      <Thread one={one} workspace={workspace} every={every} onWhy={setShown} onCorrect={setWrong} />
      {mayAnswer && <Composer one={one} workspace={workspace} />}
      <Modal opened={shown !== null} onClose={() => setShown(null)} title={t("record.title")} size="lg" closeButtonProps={{ "aria-label": t("do.close") }}>
        {shown?.journey.answer && <Record answer={shown.journey.answer} />}
        <Group mt="md">
          {mayAgain && <Button variant="default" onClick={() => { setAgain(shown); setShown(null); }}>{t("again.title")}</Button>}
          {mayAnswer && <Button variant="default" onClick={() => { setWrong(shown); setShown(null); }}>{t("desk.correct")}</Button>}
        </Group>
      </Modal>
      <Suspense>
        {again && <Again chatbot={one.chatbot_id} where={{ conversation: one.id, message: again.id }} onClose={() => setAgain(null)} />}
        {wrong && <Correct one={one} message={wrong} onClose={() => setWrong(null)} />}
      </Suspense>
    </Card>
  );
}
