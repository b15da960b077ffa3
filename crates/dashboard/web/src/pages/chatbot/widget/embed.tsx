// How it gets onto a page, and onto whose.

import { Alert, Button, Code, Group, Stack, TagsInput, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../../api/client";
import { useIntegrations } from "../../../api/hooks";
import { useAct } from "../../../parts/act";
import { Copy, Section, Shown, Wrong } from "../../../parts/state";
import { useTexts } from "../../../texts";

type Bot = Schemas["Chatbot"];

function Line({ label, hint, value }: { label: string; hint: string; value: string }) {
  return (
    <div>
      <Group justify="space-between" wrap="nowrap"><Text size="sm" fw={600}>{label}</Text><Copy value={value} label={label} /></Group>
      <Text size="xs" c="dimmed" mb={4}>{hint}</Text>
      <Code block className="words" tabIndex={0}>{value}</Code>
    </div>
  );
}

export function Snippet({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const snippet = useQuery({ queryKey: ["snippet", bot.id], staleTime: Infinity, queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/widget/snippet", { params: { path: { chatbot_id: bot.id } } })) });
  return (
    <Section title={t("widget.embed")}>
      <Shown of={snippet}>
        {({ html, content_security_policy }) => <Stack><Line label={t("widget.line")} hint={t("widget.lineHint")} value={html} /><Line label={t("widget.policy")} hint={t("widget.policyHint")} value={content_security_policy} /></Stack>}
      </Shown>
    </Section>
  );
}

function OriginFields({ bot, web, may }: { bot: Bot; web?: Schemas["Integration"]; may: boolean }) {
  const { t } = useTexts();
  const { allowed_origins = "" } = (web?.credentials ?? {}) as { allowed_origins?: string };
  const [origins, setOrigins] = useState(allowed_origins.split(/[\s,]+/).filter(Boolean));
  const save = useAct(async () => ask(api.POST("/api/integrations/{chatbot_id}", {
    params: { path: { chatbot_id: bot.id } }, body: { platform: "web", credentials: { allowed_origins: origins.join(" ") || null } as never, ...(!web && { enabled: true }) },
  })), ["integrations", bot.id]);
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
      <Stack>
        {web && !web.enabled && <Alert color="orange"><Text size="sm">{t("widget.off")}</Text></Alert>}
        <TagsInput label={t("widget.origins")} description={t("widget.originsHint")} placeholder="https://www.example.com" splitChars={[",", " "]} disabled={!may} value={origins} onChange={setOrigins} />
        {save.error && <Wrong error={save.error} />}
        {may && <Group><Button type="submit" variant="default" loading={save.isPending}>{t("widget.originsSave")}</Button>{save.isSuccess && <Text size="sm" role="status">{t("saved.done")}</Text>}</Group>}
      </Stack>
    </form>
  );
}

export function Origins({ bot, may }: { bot: Bot; may: boolean }) {
  const { t } = useTexts();
  const integrations = useIntegrations(bot.id);
  return (
    <Section title={t("widget.where")}>
      <Shown of={integrations}>
        {({ items }) => { const web = items.find((one) => one.platform === "web"); return <OriginFields bot={bot} web={web} may={may} />; }}
      </Shown>
    </Section>
  );
}
