// A form of words that the platform has approved, filled in and sent: what may be written outside the reply window.

import { Button, Group, Modal, Stack, Text, TextInput, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../api/client";
import { useTexts } from "../texts";
import { useAct } from "./act";
import { Empty, Shown, State, Wrong } from "./state";

type Conversation = Schemas["Conversation"];
type Template = Schemas["TemplateView"];

/** The places, each once, in their order. */
function placesOf(text: string): string[] {
  return [...new Set([...text.matchAll(/\{\{\s*([^}]+?)\s*\}\}/g)].map(([, place]) => place ?? ""))];
}

/** As the API wants people named that are known by their telephone number: WhatsApp tells it without the plus. */
const addressOf = (key: string) => (/^\d+$/.test(key) ? `+${key}` : key);

function Fill({ one, template, onSent, onBack }: { one: Conversation; template: Template; onSent: () => void; onBack: () => void }) {
  const { t } = useTexts();
  const places = placesOf(template.text);
  const [values, setValues] = useState<string[]>(Array.from({ length: template.parameters }, () => ""));
  const filled = places.reduce((text, place, at) => text.replaceAll(new RegExp(`\\{\\{\\s*${place.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\s*\\}\\}`, "g"), () => values[at] || `{{${place}}}`), template.text);
  const send = useAct(async () => ask(api.POST("/api/{platform}/{chatbot_id}/send", {
    params: { path: { platform: one.platform, chatbot_id: one.chatbot_id } }, body: { to: addressOf(one.contact.key), template: { name: template.name, language: template.language, parameters: values } },
  })), ["messages", one.id], ["conversation", one.id], ["conversations"]);
  return (
    <form onSubmit={(event) => { event.preventDefault(); send.mutate(undefined, { onSuccess: onSent }); }}>
      <Stack>
        {values.map((value, at) => <TextInput key={at} label={t("template.place", { name: places[at] ?? at + 1 })} required value={value} onChange={(event) => setValues(values.with(at, event.currentTarget.value))} data-autofocus={at === 0 || undefined} />)}
        <div>
          <Text size="sm" fw={600} mb={4}>{t("template.becomes")}</Text>
          <div className="said words" data-mine>{filled}</div>
        </div>
        {send.error && <Wrong error={send.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onBack}>{t("template.back")}</Button><Button type="submit" loading={send.isPending}>{t("inbox.send")}</Button></Group>
      </Stack>
    </form>
  );
}

function Choose({ one, onSent }: { one: Conversation; onSent: () => void }) {
  const { t, word } = useTexts();
  const [search, setSearch] = useState("");
  const [chosen, setChosen] = useState<Template | null>(null);
  const path = { platform: one.platform, chatbot_id: one.chatbot_id };
  const templates = useQuery({ queryKey: ["templates", one.platform, one.chatbot_id], staleTime: 60_000, queryFn: () => ask(api.GET("/api/{platform}/{chatbot_id}/templates", { params: { path } })) });
  if (chosen) return <Fill one={one} template={chosen} onSent={onSent} onBack={() => setChosen(null)} />;
  return (
    <Shown of={templates}>
      {({ items }) => {
        if (!items.length) return <Empty title={t("template.none")}>{t("template.noneHint")}</Empty>;
        const found = items.filter(({ name, text }) => `${name} ${text}`.toLowerCase().includes(search.toLowerCase()));
        return (
          <Stack gap="sm">
            <TextInput type="search" aria-label={t("do.search")} placeholder={t("do.search")} value={search} onChange={(event) => setSearch(event.currentTarget.value)} data-autofocus />
            {!found.length && <Empty title={t("none.found")} />}
            <Stack gap={0}>
              {found.map((template) => (
                <UnstyledButton key={`${template.name} ${template.language}`} className="row" disabled={template.state !== "approved"} onClick={() => setChosen(template)}>
                  <Group gap="xs"><Text size="sm" fw={600}>{template.name}</Text><Text size="xs">{template.language} · {word("category", template.category)}</Text><State value={template.state} /></Group>
                  <Text size="sm" className="words">{template.text}</Text>
                </UnstyledButton>
              ))}
            </Stack>
          </Stack>
        );
      }}
    </Shown>
  );
}

export default function TemplateModal({ one, onClose }: { one: Conversation; onClose: () => void }) {
  const { t } = useTexts();
  return <Modal opened onClose={onClose} title={t("template.title")} size="lg" closeButtonProps={{ "aria-label": t("do.close") }}><Choose one={one} onSent={onClose} /></Modal>;
}
