// How much may be spent on models: by a chatbot and each of its visitors, by a workspace, by the whole installation.

import { Button, Card, Group, NativeSelect, NumberInput, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../api/client";
import { useTexts } from "../texts";
import { useAct } from "./act";
import { Section, Shown, Wrong } from "./state";

type BudgetInput = Schemas["BudgetInput"];

/** Whose budgets they are. */
type Place = { chatbot: string } | { workspace: string } | "installation";

function read(place: Place) {
  if (place === "installation") return ask(api.GET("/api/administration/budgets"));
  if ("workspace" in place) return ask(api.GET("/api/workspaces/{workspace_id}/budgets", { params: { path: { workspace_id: place.workspace } } }));
  return ask(api.GET("/api/chatbots/{chatbot_id}/budgets", { params: { path: { chatbot_id: place.chatbot } } }));
}

function write(place: Place, budgets: BudgetInput[]) {
  const body = { budgets };
  if (place === "installation") return ask(api.PUT("/api/administration/budgets", { body }));
  if ("workspace" in place) return ask(api.PUT("/api/workspaces/{workspace_id}/budgets", { params: { path: { workspace_id: place.workspace } }, body }));
  return ask(api.PUT("/api/chatbots/{chatbot_id}/budgets", { params: { path: { chatbot_id: place.chatbot } }, body }));
}

const whole = (value: string | number) => (value === "" ? null : Number(value));

function Fields({ of, stored, scopes, may }: { of: Place; stored: Schemas["Budget"][]; scopes: string[]; may: boolean }) {
  const { t, number, time, word } = useTexts();
  const [budgets, setBudgets] = useState<BudgetInput[]>(stored.map(({ scope, period, tokens, cost_usd, at_limit }) => ({ scope, period, tokens, cost_usd, at_limit })));
  const save = useAct(async () => write(of, budgets), ["budgets", of]);
  const set = (at: number, change: Partial<BudgetInput>) => { save.reset(); setBudgets(budgets.with(at, { ...(budgets[at] as BudgetInput), ...change })); };
  const options = (kind: string, values: string[]) => values.map((value) => ({ value, label: word(kind, value) }));
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
      <Stack>
        {!budgets.length && <Text size="sm" c="dimmed">{t("budget.none")}</Text>}
        {budgets.map((budget, at) => {
          const spent = stored.find((one) => one.scope === budget.scope && one.period === budget.period);
          return (
            <Card key={at} withBorder padding="sm" role="group" aria-label={t("budget.one", { number: at + 1 })}>
              <Stack gap="sm">
                <div className="split">
                  {scopes.length > 1 && <NativeSelect label={t("budget.scope")} disabled={!may} value={budget.scope ?? scopes[0]} onChange={(event) => set(at, { scope: event.currentTarget.value })} data={options("scope", scopes)} />}
                  <NativeSelect label={t("budget.period")} disabled={!may} value={budget.period} onChange={(event) => set(at, { period: event.currentTarget.value })} data={options("period", ["day", "month"])} />
                  <NumberInput label={t("budget.usd")} disabled={!may} min={0.01} decimalScale={2} prefix="$" value={budget.cost_usd ?? ""} onChange={(value) => set(at, { cost_usd: whole(value) })} />
                  <NumberInput label={t("budget.tokens")} disabled={!may} min={1000} thousandSeparator="," value={budget.tokens ?? ""} onChange={(value) => set(at, { tokens: whole(value) })} />
                  <NativeSelect label={t("budget.limit")} disabled={!may} value={budget.at_limit ?? "quote"} onChange={(event) => set(at, { at_limit: event.currentTarget.value })} data={options("limit", ["quote", "fallback_text"])} />
                </div>
                {spent && <Text size="sm">{t("budget.spent", { usd: number(spent.spent_usd, { style: "currency", currency: "USD" }), tokens: number(spent.spent_tokens), until: time(spent.until) })}</Text>}
                {may && <Group><Button size="xs" variant="default" onClick={() => setBudgets(budgets.toSpliced(at, 1))} aria-label={`${t("do.remove")}: ${t("budget.one", { number: at + 1 })}`}>{t("do.remove")}</Button></Group>}
              </Stack>
            </Card>
          );
        })}
        {may && <Group><Button size="xs" variant="default" onClick={() => setBudgets([...budgets, { scope: scopes[0], period: "month", at_limit: "quote" }])}>{t("budget.add")}</Button></Group>}
        {save.error && <Wrong error={save.error} />}
        {may && <Group><Button type="submit" loading={save.isPending}>{t("do.save")}</Button>{save.isSuccess && <Text size="sm" role="status">{t("saved.done")}</Text>}</Group>}
      </Stack>
    </form>
  );
}

/** `scopes`: whose spending may be limited here; the first is meant where nothing is said. */
export function Budgets({ of, scopes, may, note }: { of: Place; scopes: string[]; may: boolean; note: string }) {
  const { t } = useTexts();
  const stored = useQuery({ queryKey: ["budgets", of], queryFn: () => read(of) });
  return <Section title={t("behaviour.budgets")} note={note}><Shown of={stored}>{({ items }) => <Fields of={of} stored={items} scopes={scopes} may={may} />}</Shown></Section>;
}
