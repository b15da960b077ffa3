// What is offered to ask, and what is asked before the first message.

import { Button, Checkbox, Group, NativeSelect, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { Section } from "../../../parts/state";
import { useTexts } from "../../../texts";
import type { Change, Field, Settings, Suggestion } from "./settings";

const MOST = 6;
const MOST_FIELDS = 20;

export function Suggestions({ settings: { suggestions }, set }: { settings: Settings; set: Change }) {
  const { t } = useTexts();
  const change = (at: number, part: Partial<Suggestion>) => set({ suggestions: suggestions.with(at, { ...(suggestions[at] as Suggestion), ...part }) });
  return (
    <Section title={t("widget.suggestions")} note={t("widget.suggestionsNote")}>
      <Stack gap="sm">
        {!suggestions.length && <Text size="sm" c="dimmed">{t("widget.noSuggestions")}</Text>}
        {suggestions.map((suggestion, at) => (
          <Group key={at} align="flex-end" gap="xs">
            <TextInput style={{ flex: "1 1 140px" }} label={t("widget.suggestionTitle", { number: at + 1 })} required maxLength={60} value={suggestion.title} onChange={(event) => change(at, { title: event.currentTarget.value })} />
            <TextInput style={{ flex: "2 1 180px" }} label={t("widget.suggestionValue", { number: at + 1 })} required maxLength={500} value={suggestion.value} onChange={(event) => change(at, { value: event.currentTarget.value })} />
            <Button variant="default" onClick={() => set({ suggestions: suggestions.toSpliced(at, 1) })} aria-label={`${t("do.remove")}: ${suggestion.title || at + 1}`}>{t("do.remove")}</Button>
          </Group>
        ))}
        {suggestions.length < MOST && <Group><Button size="xs" variant="default" onClick={() => set({ suggestions: [...suggestions, { title: "", value: "" }] })}>{t("widget.addSuggestion")}</Button></Group>}
      </Stack>
    </Section>
  );
}

export function PreChat({ settings: { pre_chat: fields, consent }, set }: { settings: Settings; set: Change }) {
  const { t, word } = useTexts();
  const change = (at: number, part: Partial<Field>) => set({ pre_chat: fields.with(at, { ...(fields[at] as Field), ...part }) });
  const next = ["name", "email", "phone", "company"].find((name) => !fields.some((field) => field.name === name)) ?? "";
  const asked = fields.filter((field) => field.ask !== false).length;
  const ofType = (type: Field["type"]): Partial<Field> => ({ type, choices: type === "choice" ? [] : undefined });
  const kind = (name: string): Field["type"] => (name === "email" || name === "phone" ? name : "text");
  return (
    <Section title={t("widget.form")} note={t("widget.formNote")}>
      <Stack gap="md">
        {!fields.length && <Text size="sm" c="dimmed">{t("widget.noForm")}</Text>}
        {fields.map((field, at) => (
          <Stack key={at} gap={6}>
            <Group align="flex-start" gap="xs">
              <TextInput style={{ flex: "1 1 120px" }} label={t("widget.fieldName", { number: at + 1 })} description={t("widget.fieldNameHint")} required pattern="[a-z][a-z0-9_]*" maxLength={40} value={field.name} onChange={(event) => change(at, { name: event.currentTarget.value })} />
              <TextInput style={{ flex: "1 1 140px" }} label={t("widget.fieldLabel", { number: at + 1 })} description={t("widget.fieldLabelHint")} maxLength={100} value={field.label ?? ""} onChange={(event) => change(at, { label: event.currentTarget.value || null })} />
              <NativeSelect style={{ flex: "1 1 110px" }} label={t("widget.fieldType", { number: at + 1 })} value={field.type} onChange={(event) => change(at, ofType(event.currentTarget.value as Field["type"]))} data={["text", "email", "phone", "choice"].map((value) => ({ value, label: word("fieldType", value) }))} />
            </Group>
            {field.type === "choice" && <Textarea label={t("widget.choices", { name: field.name })} description={t("widget.choicesHint")} required autosize minRows={2} maxRows={8} value={(field.choices ?? []).join("\n")} onChange={(event) => change(at, { choices: event.currentTarget.value ? event.currentTarget.value.split("\n") : [] })} />}
            <Group gap="md">
              <Checkbox size="xs" label={t("widget.ask")} aria-label={`${t("widget.ask")}: ${field.name}`} checked={field.ask !== false} onChange={(event) => change(at, { ask: event.currentTarget.checked })} />
              <Checkbox size="xs" label={t("widget.required")} aria-label={`${t("widget.required")}: ${field.name}`} checked={field.required} onChange={(event) => change(at, { required: event.currentTarget.checked })} />
              <Button size="compact-xs" variant="default" onClick={() => set({ pre_chat: fields.toSpliced(at, 1) })} aria-label={`${t("do.remove")}: ${field.name || at + 1}`}>{t("do.remove")}</Button>
            </Group>
          </Stack>
        ))}
        {fields.length < MOST_FIELDS && <Group><Button size="xs" variant="default" onClick={() => set({ pre_chat: [...fields, { name: next, type: kind(next), label: null, required: asked < MOST, ask: asked < MOST }] })}>{t("widget.addField")}</Button></Group>}
        <Textarea label={t("widget.consent")} description={t("widget.consentHint")} minRows={2} maxLength={1000} value={consent ?? ""} onChange={(event) => set({ consent: event.currentTarget.value || null })} />
      </Stack>
    </Section>
  );
}
