import { Button, Checkbox, Group, NumberInput, Slider, Stack, Switch, TagsInput, Text, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, askWhole, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Budgets } from "../../parts/budgets";
import { blank, EndpointFields, endpointOf, inputOf } from "../../parts/endpoint";
import { useMay } from "../../parts/role";
import { Saved } from "../../parts/saved";
import { Section, Shown } from "../../parts/state";
import { useTexts } from "../../texts";
import { Links } from "./links";

type Bot = Schemas["Chatbot"];

function Words({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const [name, setName] = useState(bot.name);
  const [instructions, setInstructions] = useState(bot.instructions);
  const [fallback, setFallback] = useState(bot.fallback_text);
  const [age, setAge] = useState<string | number>(Math.round(bot.max_answer_age_seconds / 60));
  const save = useAct(
    async () => askWhole(api.PATCH("/api/chatbots/{chatbot_id}", { params: { path: { chatbot_id: bot.id } }, body: { name, instructions, fallback_text: fallback, max_answer_age_seconds: Number(age) * 60 || null } })),
    ["chatbot", bot.id], ["chatbots", bot.workspace_id], ["versions", bot.id],
  );
  return (
    <Section title={t("behaviour.words")}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
        <Stack>
          <TextInput label={t("behaviour.name")} required value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <Textarea label={t("behaviour.instructions")} description={t("behaviour.instructionsHint")} minRows={5} value={instructions} onChange={(event) => setInstructions(event.currentTarget.value)} />
          <Textarea label={t("behaviour.fallback")} description={t("behaviour.fallbackHint")} required minRows={2} value={fallback} onChange={(event) => setFallback(event.currentTarget.value)} />
          <NumberInput label={t("behaviour.age")} description={t("behaviour.ageHint")} min={1} maw={320} value={age} onChange={setAge} />
          <Saved bot={bot.id} status={save.data?.status} error={save.error} busy={save.isPending} />
        </Stack>
      </form>
    </Section>
  );
}

function Model({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const stored = bot.model;
  const [own, setOwn] = useState(Boolean(stored));
  const [first, setFirst] = useState(stored ? endpointOf(stored) : blank);
  const [others, setOthers] = useState(((stored?.fallbacks ?? []) as unknown as Schemas["Model"][]).map(endpointOf));
  const save = useAct(async () => {
    const fallbacks = others.map(inputOf) as never;
    return askWhole(api.PATCH("/api/chatbots/{chatbot_id}", { params: { path: { chatbot_id: bot.id } }, body: { model: own ? { ...inputOf(first), fallbacks } : null } }));
  }, ["chatbot", bot.id], ["versions", bot.id]);
  return (
    <Section title={t("behaviour.model")} note={t("behaviour.modelNote")}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
        <Stack>
          <Switch label={t("model.own")} checked={own} onChange={(event) => setOwn(event.currentTarget.checked)} />
          {own && (
            <>
              <EndpointFields legend={t("model.first")} value={first} onChange={setFirst} />
              {others.map((other, at) => (
                <EndpointFields key={at} legend={t("model.other", { number: at + 1 })} value={other} onChange={(next) => setOthers(others.with(at, next))} onRemove={() => setOthers(others.toSpliced(at, 1))} />
              ))}
              {others.length < 4 && <Group><Button size="xs" variant="default" onClick={() => setOthers([...others, blank])}>{t("model.add")}</Button></Group>}
            </>
          )}
          <Saved bot={bot.id} status={save.data?.status} error={save.error} busy={save.isPending} />
        </Stack>
      </form>
    </Section>
  );
}

function SearchFields({ bot, stored }: { bot: Bot; stored: Schemas["RetrievalSettings"] }) {
  const { t } = useTexts();
  const [threshold, setThreshold] = useState(stored.threshold ?? null);
  const [weight, setWeight] = useState(stored.dense_weight ?? null);
  const [count, setCount] = useState<string | number>(stored.top_k ?? "");
  const save = useAct(async () => askWhole(api.PUT("/api/chatbots/{chatbot_id}/retrieval", {
    params: { path: { chatbot_id: bot.id } }, body: { threshold, dense_weight: weight, top_k: count === "" ? null : Number(count) },
  })), ["retrieval", bot.id], ["versions", bot.id], ["chatbot", bot.id]);
  const range = (label: string, hint: string, usual: number, value: number | null, set: (value: number | null) => void) => (
    <div>
      <Checkbox label={t("search.usual", { what: label })} checked={value === null} onChange={(event) => set(event.currentTarget.checked ? null : usual)} />
      <Text size="xs" c="dimmed" mb={4}>{hint}</Text>
      {value !== null && <Group gap="md" wrap="nowrap"><Slider style={{ flex: 1 }} thumbLabel={label} min={0} max={1} step={0.05} value={value} onChange={set} label={(value) => value.toFixed(2)} /><Text ff="monospace" size="sm">{value.toFixed(2)}</Text></Group>}
    </div>
  );
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
      <Stack>
        {range(t("search.threshold"), t("search.thresholdHint"), 0.4, threshold, setThreshold)}
        {range(t("search.weight"), t("search.weightHint"), 0.5, weight, setWeight)}
        <NumberInput label={t("search.count")} description={t("search.countHint")} min={1} max={20} maw={320} value={count} onChange={setCount} />
        <Saved bot={bot.id} status={save.data?.status} error={save.error} busy={save.isPending} />
      </Stack>
    </form>
  );
}

function Search({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const stored = useQuery({ queryKey: ["retrieval", bot.id], queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/retrieval", { params: { path: { chatbot_id: bot.id } } })) });
  return <Section title={t("behaviour.search")}><Shown of={stored}>{(stored) => <SearchFields bot={bot} stored={stored} />}</Shown></Section>;
}

function HandoffFields({ bot, stored }: { bot: Bot; stored: Schemas["HandoffSettings"] }) {
  const { t } = useTexts();
  const [rules, setRules] = useState(stored);
  const set = (change: Partial<Schemas["HandoffSettings"]>) => setRules({ ...rules, ...change });
  const save = useAct(async () => askWhole(api.PUT("/api/chatbots/{chatbot_id}/handoff", { params: { path: { chatbot_id: bot.id } }, body: rules })), ["handoff", bot.id]);
  const whole = (value: string | number) => (value === "" ? null : Number(value));
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
      <Stack>
        <Switch label={t("handoff.request")} checked={rules.on_request ?? false} onChange={(event) => set({ on_request: event.currentTarget.checked })} />
        <TagsInput label={t("handoff.phrases")} description={t("handoff.phrasesHint")} value={rules.request_phrases ?? []} onChange={(request_phrases) => set({ request_phrases })} />
        <TagsInput label={t("handoff.keywords")} description={t("handoff.keywordsHint")} value={rules.keywords ?? []} onChange={(keywords) => set({ keywords })} />
        <div className="split">
          <NumberInput label={t("handoff.unanswered")} description={t("handoff.emptyNever")} min={1} value={rules.after_unanswered ?? ""} onChange={(value) => set({ after_unanswered: whole(value) })} />
          <NumberInput label={t("handoff.back")} description={t("handoff.emptyNever")} min={1} value={rules.hand_back_after_minutes ?? ""} onChange={(value) => set({ hand_back_after_minutes: whole(value) })} />
        </div>
        <Textarea label={t("handoff.text")} description={t("handoff.textHint")} minRows={2} value={rules.text ?? ""} onChange={(event) => set({ text: event.currentTarget.value || null })} />
        <Saved bot={bot.id} status={save.data?.status} error={save.error} busy={save.isPending} />
      </Stack>
    </form>
  );
}

function Handoff({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const stored = useQuery({ queryKey: ["handoff", bot.id], queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/handoff", { params: { path: { chatbot_id: bot.id } } })) });
  return <Section title={t("behaviour.handoff")}><Shown of={stored}>{(stored) => <HandoffFields bot={bot} stored={stored} />}</Shown></Section>;
}

export default function Behaviour({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const may = useMay(bot.workspace_id, "admin");
  return <Stack maw={860}><Words bot={bot} /><Model bot={bot} /><Search bot={bot} /><Handoff bot={bot} /><Links bot={bot} /><Budgets of={{ chatbot: bot.id }} scopes={["chatbot", "visitor"]} may={may} note={t("behaviour.budgetsNote")} /></Stack>;
}
