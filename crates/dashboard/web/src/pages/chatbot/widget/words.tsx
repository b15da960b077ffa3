// The owner's words over the widget's own.

import { Button, Group, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { Section } from "../../../parts/state";
import { useTexts } from "../../../texts";
import { LANGUAGES, TEXTS, type Change, type Settings } from "./settings";

export function Words({ settings: { texts }, set }: { settings: Settings; set: Change }) {
  const { t, word, language } = useTexts();
  const [tongue, setTongue] = useState(Object.keys(texts)[0] ?? language);
  const named = new Intl.DisplayNames([language], { type: "language" });
  const tongues = [...new Set([...LANGUAGES, ...Object.keys(texts)])];
  const own = texts[tongue] ?? {};
  const free = TEXTS.filter((name) => !(name in own));
  const [next, setNext] = useState("title");
  const chosen = free.includes(next) ? next : free[0];
  const write = (words: Record<string, string>) => {
    const { [tongue]: _, ...others } = texts;
    set({ texts: Object.keys(words).length ? { ...others, [tongue]: words } : others });
  };
  return (
    <Section title={t("widget.words")} note={t("widget.wordsNote")}>
      <Stack gap="sm">
        <NativeSelect label={t("looks.language")} maw={260} value={tongue} onChange={(event) => setTongue(event.currentTarget.value)} data={tongues.map((value) => ({ value, label: named.of(value) ?? value }))} />
        {!Object.keys(own).length && <Text size="sm" c="dimmed">{t("widget.noWords")}</Text>}
        {TEXTS.filter((name) => name in own).map((name) => (
          <Group key={name} align="flex-end" gap="xs">
            <TextInput style={{ flex: 1 }} label={word("widgetText", name)} required maxLength={300} value={own[name] ?? ""} onChange={(event) => write({ ...own, [name]: event.currentTarget.value })} />
            <Button variant="default" onClick={() => { const { [name]: _, ...others } = own; write(others); }} aria-label={`${t("do.remove")}: ${word("widgetText", name)}`}>{t("do.remove")}</Button>
          </Group>
        ))}
        {chosen && (
          <Group align="flex-end" gap="xs">
            <NativeSelect style={{ flex: "1 1 180px" }} label={t("widget.whichWords")} value={chosen} onChange={(event) => setNext(event.currentTarget.value)} data={free.map((value) => ({ value, label: word("widgetText", value) }))} />
            <Button variant="default" onClick={() => write({ ...own, [chosen]: "" })}>{t("widget.addWords")}</Button>
          </Group>
        )}
      </Stack>
    </Section>
  );
}
