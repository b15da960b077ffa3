import { Button, FileButton, Group, NativeSelect, Stack, Switch, Text, Textarea, TextInput } from "@mantine/core";
import { api, ask, asBytes, bytes, type Schemas } from "../../../api/client";
import { useAct } from "../../../parts/act";
import { Section, Wrong } from "../../../parts/state";
import { useTexts } from "../../../texts";
import { LANGUAGES, type Change, type Settings } from "./settings";

/** The picture is set at once: it has an address of its own. */
function Logo({ bot, logo, onChange }: { bot: Schemas["Chatbot"]; logo: string | null; onChange: (logo: string | null) => void }) {
  const { t } = useTexts();
  const params = { path: { chatbot_id: bot.id } };
  const set = useAct(async (file: File) => (await ask(api.PUT("/api/chatbots/{chatbot_id}/widget/logo", { params, body: bytes(file), ...asBytes }))) as unknown as Settings);
  const remove = useAct(async () => ask(api.DELETE("/api/chatbots/{chatbot_id}/widget/logo", { params })));
  return (
    <Stack gap={4}>
      <Text size="sm" fw={600}>{t("widget.logo")}</Text>
      <Text size="xs" c="dimmed">{t("widget.logoHint")}</Text>
      <Group gap="xs">
        <FileButton accept="image/png,image/jpeg,image/webp" onChange={(file) => file && set.mutate(file, { onSuccess: (saved) => onChange(saved.logo) })} inputProps={{ "aria-label": t("widget.logoChoose") }}>
          {(props) => <Button {...props} size="xs" variant="default" loading={set.isPending}>{t("widget.logoChoose")}</Button>}
        </FileButton>
        {logo && <Button size="xs" variant="default" loading={remove.isPending} onClick={() => remove.mutate(undefined, { onSuccess: () => onChange(null) })}>{t("widget.logoRemove")}</Button>}
      </Group>
      {[set.error, remove.error].map((error, at) => error && <Wrong key={at} error={error} />)}
    </Stack>
  );
}

export function Look({ bot, settings, set }: { bot: Schemas["Chatbot"]; settings: Settings; set: Change }) {
  const { t, word } = useTexts();
  const named = new Intl.DisplayNames([useTexts().language], { type: "language" });
  const options = (kind: string, values: string[]) => values.map((value) => ({ value, label: word(kind, value) }));
  return (
    <Section title={t("widget.look")}>
      <Stack>
        <TextInput label={t("widget.name")} description={t("widget.nameHint", { name: bot.name })} maxLength={60} value={settings.name ?? ""} onChange={(event) => set({ name: event.currentTarget.value || null })} />
        <Textarea label={t("widget.welcome")} description={t("widget.welcomeHint")} minRows={2} maxLength={1000} value={settings.welcome ?? ""} onChange={(event) => set({ welcome: event.currentTarget.value || null })} />
        <div className="split">
          <TextInput type="color" label={t("widget.colour")} description={settings.colour} value={settings.colour} onChange={(event) => set({ colour: event.currentTarget.value })} />
          <NativeSelect label={t("widget.position")} value={settings.position} onChange={(event) => set({ position: event.currentTarget.value as Settings["position"] })} data={options("position", ["right", "left"])} />
          <NativeSelect label={t("looks.scheme")} value={settings.theme} onChange={(event) => set({ theme: event.currentTarget.value as Settings["theme"] })} data={options("theme", ["auto", "light", "dark"])} />
          <NativeSelect label={t("looks.language")} value={settings.language ?? ""} onChange={(event) => set({ language: event.currentTarget.value || null })}
            data={[{ value: "", label: t("widget.pageLanguage") }, ...[...new Set([...LANGUAGES, ...(settings.language ? [settings.language] : [])])].map((value) => ({ value, label: named.of(value) ?? value }))]} />
        </div>
        <Logo bot={bot} logo={settings.logo} onChange={(logo) => set({ logo })} />
        <Switch label={t("widget.files")} checked={settings.files} onChange={(event) => set({ files: event.currentTarget.checked })} />
        <Switch label={t("widget.citations")} checked={settings.citations} onChange={(event) => set({ citations: event.currentTarget.checked })} />
        <Switch label={t("widget.feedback")} description={t("widget.feedbackHint")} checked={settings.feedback} onChange={(event) => set({ feedback: event.currentTarget.checked })} />
      </Stack>
    </Section>
  );
}
