// A message that is answered once more with something changed, beside how it was answered. Nobody but the reader hears it.

import { Alert, Button, Card, Group, Modal, NativeSelect, NumberInput, Stack, Text, Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { api, ask, type Schemas } from "../api/client";
import { useChatbot } from "../api/hooks";
import { useTexts } from "../texts";
import { useAct } from "./act";
import { blank, EndpointFields, inputOf } from "./endpoint";
import { Record } from "./record";
import { Shown, State, Wrong } from "./state";

interface Where {
  conversation: string;
  message: string;
}

function Side({ title, side, children }: { title: string; side?: Schemas["Side"] | null; children?: ReactNode }) {
  return (
    <Card withBorder padding="md" component="section" aria-label={title}>
      <Text fw={600} mb="xs">{title}</Text>
      {side ? <Stack><div className="said words">{side.text}</div><Record answer={side.record as unknown as Schemas["Answer"]} /></Stack> : children}
    </Card>
  );
}

function Beside({ where, begun }: { where: Where; begun: Schemas["Again"] }) {
  const { t } = useTexts();
  const path = { conversation_id: where.conversation, message_id: where.message, run_id: begun.run.id };
  const again = useQuery({
    queryKey: ["again", begun.run.id], initialData: begun,
    queryFn: () => ask(api.GET("/api/conversations/{conversation_id}/messages/{message_id}/again/{run_id}", { params: { path } })),
    refetchInterval: ({ state }) => (["due", "running"].includes(state.data?.run.state ?? "") ? 1_000 : false),
  });
  const { run, before, after } = again.data;
  return (
    <Stack aria-live="polite">
      {again.error && <Wrong error={again.error} retry={() => void again.refetch()} />}
      {run.error && <Alert color="red"><Text size="sm" className="words">{run.error}</Text></Alert>}
      <div className="split">
        <Side title={t("again.before")} side={before}><Text size="sm" c="dimmed">{t("try.noRecord")}</Text></Side>
        <Side title={t("again.after")} side={after}><State value={run.state} /></Side>
      </div>
    </Stack>
  );
}

const whole = (value: string | number) => (value === "" ? null : Number(value));

function Change({ bot, search, where }: { bot: Schemas["Chatbot"]; search: Schemas["RetrievalSettings"]; where: Where }) {
  const { t } = useTexts();
  const [instructions, setInstructions] = useState(bot.instructions);
  const [which, setWhich] = useState("live");
  const [endpoint, setEndpoint] = useState(blank);
  const [threshold, setThreshold] = useState<string | number>(search.threshold ?? "");
  const [count, setCount] = useState<string | number>(search.top_k ?? "");
  const start = useAct(async () => {
    const retrieval = { ...search, threshold: whole(threshold), top_k: whole(count) };
    const body = {
      ...(instructions !== bot.instructions && { instructions }),
      ...(which === "none" && { model: null }), ...(which === "other" && { model: inputOf(endpoint) }),
      ...((retrieval.threshold !== (search.threshold ?? null) || retrieval.top_k !== (search.top_k ?? null)) && { retrieval }),
    };
    return ask(api.POST("/api/conversations/{conversation_id}/messages/{message_id}/again", { params: { path: { conversation_id: where.conversation, message_id: where.message } }, body }));
  });
  return (
    <Stack>
      <form onSubmit={(event) => { event.preventDefault(); start.mutate(undefined); }}>
        <Stack>
          <Text size="sm" c="dimmed">{t("again.note")}</Text>
          <Textarea label={t("behaviour.instructions")} minRows={3} value={instructions} onChange={(event) => setInstructions(event.currentTarget.value)} data-autofocus />
          <NativeSelect label={t("behaviour.model")} value={which} onChange={(event) => setWhich(event.currentTarget.value)}
            data={[{ value: "live", label: t("again.asLive") }, ...(bot.model ? [{ value: "none", label: t("model.none") }] : []), { value: "other", label: t("again.other") }]} />
          {which === "other" && <EndpointFields legend={t("again.other")} value={endpoint} onChange={setEndpoint} />}
          <div className="split">
            <NumberInput label={t("search.threshold")} description={t("search.thresholdHint")} min={0} max={1} step={0.05} decimalScale={2} value={threshold} onChange={setThreshold} />
            <NumberInput label={t("search.count")} description={t("search.countHint")} min={1} max={20} value={count} onChange={setCount} />
          </div>
          {start.error && <Wrong error={start.error} />}
          <Group><Button type="submit" loading={start.isPending}>{t("again.start")}</Button></Group>
        </Stack>
      </form>
      {start.data && <Beside key={start.data.run.id} where={where} begun={start.data} />}
    </Stack>
  );
}

function Asked({ chatbot, where }: { chatbot: string; where: Where }) {
  const bot = useChatbot(chatbot);
  const search = useQuery({ queryKey: ["retrieval", chatbot], queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/retrieval", { params: { path: { chatbot_id: chatbot } } })) });
  return <Shown of={bot}>{(bot) => <Shown of={search}>{(search) => <Change bot={bot} search={search} where={where} />}</Shown>}</Shown>;
}

export default function Again({ chatbot, where, onClose }: { chatbot: string; where: Where; onClose: () => void }) {
  const { t } = useTexts();
  return (
    <Modal opened onClose={onClose} title={t("again.title")} size="72rem" closeButtonProps={{ "aria-label": t("do.close") }}>
      <Asked chatbot={chatbot} where={where} />
    </Modal>
  );
}
