import { Alert, Button, Card, Checkbox, Fieldset, Group, NativeSelect, NumberInput, PasswordInput, Slider, Stack, Switch, TagsInput, Text, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { Link } from "react-router-dom";
import { api, ask, askWhole, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Section, Shown, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

type Bot = Schemas["Chatbot"];

const PROVIDERS = ["openai", "anthropic", "gemini", "ollama", "openai_compatible"];

/** What came of saving: live at once, or asked about first. */
function Saved({ bot, status, error, busy, children }: { bot: string; status?: number; error: unknown; busy: boolean; children?: ReactNode }) {
  const { t } = useTexts();
  return (
    <Stack gap="sm" align="flex-start">
      {error != null && <Wrong error={error} />}
      {status === 202 && <Alert color="blue" title={t("saved.checking")}><Text size="sm">{t("saved.checkingWhat")} <Link to={`/chatbots/${bot}/quality`}>{t("tab.quality")}</Link></Text></Alert>}
      <Group gap="sm"><Button type="submit" loading={busy}>{t("do.save")}</Button>{status === 200 && <Text size="sm" role="status">{t("saved.live")}</Text>}{children}</Group>
    </Stack>
  );
}

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

interface Endpoint {
  provider: string;
  model: string;
  base_url: string;
  /** Empty: the stored one stays. */
  key: string;
  shown: string | null;
  removeKey: boolean;
  seconds: string | number;
  context: string | number;
}

const blank: Endpoint = { provider: "openai", model: "", base_url: "", key: "", shown: null, removeKey: false, seconds: 30, context: "" };

function endpointOf(model: Schemas["Model"]): Endpoint {
  return { provider: model.provider, model: model.model, base_url: model.base_url, key: "", shown: model.api_key ?? null, removeKey: false, seconds: model.time_limit_seconds, context: model.context_tokens ?? "" };
}

function inputOf(endpoint: Endpoint): Schemas["ModelInput"] {
  return {
    provider: endpoint.provider, model: endpoint.model, time_limit_seconds: Number(endpoint.seconds) || null,
    ...(endpoint.base_url && { base_url: endpoint.base_url }), ...(endpoint.context !== "" && { context_tokens: Number(endpoint.context) }),
    ...(endpoint.removeKey ? { api_key: null } : endpoint.key && { api_key: endpoint.key }),
  };
}

function EndpointFields({ value, onChange, legend, onRemove }: { value: Endpoint; onChange: (next: Endpoint) => void; legend: string; onRemove?: () => void }) {
  const { t, word } = useTexts();
  const set = (change: Partial<Endpoint>) => onChange({ ...value, ...change });
  return (
    <Fieldset legend={legend}>
      <Stack gap="sm">
        <div className="split">
          <NativeSelect label={t("model.provider")} value={value.provider} onChange={(event) => set({ provider: event.currentTarget.value, base_url: "" })} data={PROVIDERS.map((provider) => ({ value: provider, label: word("provider", provider) }))} />
          <TextInput label={t("model.model")} required value={value.model} onChange={(event) => set({ model: event.currentTarget.value })} />
        </div>
        <TextInput label={t("model.url")} description={t("model.urlHint")} type="url" required={value.provider === "openai_compatible"} value={value.base_url} onChange={(event) => set({ base_url: event.currentTarget.value })} />
        <PasswordInput label={t("model.key")} description={value.shown ? t("model.keyKept", { shown: value.shown }) : t("model.keyHint")} autoComplete="off" disabled={value.removeKey} value={value.key} onChange={(event) => set({ key: event.currentTarget.value })}
          visibilityToggleButtonProps={{ "aria-label": t("field.visible") }} />
        {value.shown && <Checkbox label={t("model.keyRemove")} checked={value.removeKey} onChange={(event) => set({ removeKey: event.currentTarget.checked })} />}
        <div className="split">
          <NumberInput label={t("model.seconds")} min={1} max={120} value={value.seconds} onChange={(seconds) => set({ seconds })} />
          <NumberInput label={t("model.context")} min={1500} value={value.context} onChange={(context) => set({ context })} />
        </div>
        {onRemove && <Group><Button size="xs" variant="default" onClick={onRemove}>{t("do.remove")}</Button></Group>}
      </Stack>
    </Fieldset>
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

type BudgetInput = Schemas["BudgetInput"];

function BudgetFields({ bot, stored }: { bot: Bot; stored: Schemas["Budget"][] }) {
  const { t, number, time, word } = useTexts();
  const [budgets, setBudgets] = useState<BudgetInput[]>(stored.map(({ scope, period, tokens, cost_usd, at_limit }) => ({ scope, period, tokens, cost_usd, at_limit })));
  const save = useAct(async () => askWhole(api.PUT("/api/chatbots/{chatbot_id}/budgets", { params: { path: { chatbot_id: bot.id } }, body: { budgets } })), ["budgets", bot.id]);
  const set = (at: number, change: Partial<BudgetInput>) => setBudgets(budgets.with(at, { ...(budgets[at] as BudgetInput), ...change }));
  const whole = (value: string | number) => (value === "" ? null : Number(value));
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
      <Stack>
        {!budgets.length && <Text size="sm" c="dimmed">{t("budget.none")}</Text>}
        {budgets.map((budget, at) => {
          const spent = stored.find((one) => one.scope === budget.scope && one.period === budget.period);
          return (
            <Card key={at} withBorder padding="sm">
              <Stack gap="sm">
                <div className="split">
                  <NativeSelect label={t("budget.scope")} value={budget.scope ?? "chatbot"} onChange={(event) => set(at, { scope: event.currentTarget.value })} data={["chatbot", "visitor"].map((value) => ({ value, label: word("scope", value) }))} />
                  <NativeSelect label={t("budget.period")} value={budget.period} onChange={(event) => set(at, { period: event.currentTarget.value })} data={["day", "month"].map((value) => ({ value, label: word("period", value) }))} />
                  <NumberInput label={t("budget.usd")} min={0.01} decimalScale={2} prefix="$" value={budget.cost_usd ?? ""} onChange={(value) => set(at, { cost_usd: whole(value) })} />
                  <NumberInput label={t("budget.tokens")} min={1000} thousandSeparator="," value={budget.tokens ?? ""} onChange={(value) => set(at, { tokens: whole(value) })} />
                  <NativeSelect label={t("budget.limit")} value={budget.at_limit ?? "quote"} onChange={(event) => set(at, { at_limit: event.currentTarget.value })} data={["quote", "fallback_text"].map((value) => ({ value, label: word("limit", value) }))} />
                </div>
                {spent && <Text size="sm">{t("budget.spent", { usd: number(spent.spent_usd, { style: "currency", currency: "USD" }), tokens: number(spent.spent_tokens), until: time(spent.until) })}</Text>}
                <Group><Button size="xs" variant="default" onClick={() => setBudgets(budgets.toSpliced(at, 1))}>{t("do.remove")}</Button></Group>
              </Stack>
            </Card>
          );
        })}
        <Group><Button size="xs" variant="default" onClick={() => setBudgets([...budgets, { scope: "chatbot", period: "month", at_limit: "quote" }])}>{t("budget.add")}</Button></Group>
        <Saved bot={bot.id} status={save.data?.status} error={save.error} busy={save.isPending} />
      </Stack>
    </form>
  );
}

function Budgets({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const stored = useQuery({ queryKey: ["budgets", bot.id], queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/budgets", { params: { path: { chatbot_id: bot.id } } })) });
  return <Section title={t("behaviour.budgets")} note={t("behaviour.budgetsNote")}><Shown of={stored}>{({ items }) => <BudgetFields bot={bot} stored={items} />}</Shown></Section>;
}

export default function Behaviour({ bot }: { bot: Bot }) {
  return <Stack maw={860}><Words bot={bot} /><Model bot={bot} /><Search bot={bot} /><Handoff bot={bot} /><Budgets bot={bot} /></Stack>;
}
