import { Alert, Badge, Button, Card, Code, Drawer, Group, List, PasswordInput, SegmentedControl, SimpleGrid, Stack, Switch, Tabs, Text, TextInput, Title } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useIntegrations, usePlatforms } from "../../api/hooks";
import { useAct } from "../../parts/act";
import { Confirm, Copy, Empty, Loading, More, Section, Shown, State, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

type Bot = Schemas["Chatbot"];
type Integration = Schemas["Integration"];
type Platform = Schemas["PlatformView"];

/** Where the platform has to send what people write, to be copied. */
function Address({ label, value }: { label: string; value: string }) {
  return (
    <div>
      <Text size="sm" fw={600}>{label}</Text>
      <Group gap="xs" wrap="nowrap"><Code className="words" style={{ flex: 1, minWidth: 0 }}>{value}</Code><Copy value={value} label={label} /></Group>
    </div>
  );
}

function Steps({ bot, platform }: { bot: Bot; platform: Platform }) {
  const { t } = useTexts();
  const path = { platform: platform.platform, chatbot_id: bot.id };
  const steps = useQuery({ queryKey: ["instructions", bot.id, platform.platform], queryFn: () => ask(api.GET("/api/{platform}/{chatbot_id}/setup-instructions", { params: { path } })) });
  return (
    <Shown of={steps}>
      {({ steps, webhook_url }) => (
        <Stack>
          {platform.features.webhook && <Address label={t("integration.webhook")} value={webhook_url} />}
          <List type="ordered" spacing="md">
            {steps.map((step) => (
              <List.Item key={step.title}>
                <Text fw={600} size="sm">{step.title}</Text>
                <Text size="sm" className="words">{step.detail}</Text>
                {step.paste && <Group gap="xs" mt={4} wrap="nowrap"><Code className="words" style={{ minWidth: 0 }}>{step.paste}</Code><Copy value={step.paste} label={step.title} /></Group>}
              </List.Item>
            ))}
          </List>
        </Stack>
      )}
    </Shown>
  );
}

function Fields({ bot, platform, integration }: { bot: Bot; platform: Platform; integration?: Integration }) {
  const { t } = useTexts();
  const stored = (integration?.credentials ?? {}) as Record<string, string | null>;
  const open = (field: Schemas["FieldView"]) => (field.kind === "secret" ? "" : stored[field.name] ?? "");
  const [values, setValues] = useState<Record<string, string>>(Object.fromEntries(platform.fields.map((field) => [field.name, open(field)])));
  const [name, setName] = useState(integration?.display_name ?? "");
  const [mode, setMode] = useState(integration?.mode ?? (platform.features.webhook ? "webhook" : "connection"));
  const [streaming, setStreaming] = useState(integration?.streaming ?? false);
  const save = useAct(async () => {
    const credentials: Record<string, string | null> = {};
    for (const field of platform.fields) {
      const value = values[field.name]?.trim() ?? "";
      // A secret that was not typed anew stays; anything else that was emptied goes.
      if (value) credentials[field.name] = value;
      else if (integration && field.kind !== "secret" && field.optional && stored[field.name]) credentials[field.name] = null;
    }
    const { webhook, connection, streaming: streams } = platform.features;
    return ask(api.POST("/api/integrations/{chatbot_id}", {
      params: { path: { chatbot_id: bot.id } },
      body: { platform: platform.platform, ...(name.trim() && { display_name: name }), credentials: credentials as never, ...(webhook && connection && { mode }), ...(streams && { streaming }) },
    }));
  }, ["integrations", bot.id], ["logs", bot.id]);
  const wrong = save.error as { field?: string | null; message: string } | null;
  const wrongAt = (field: string) => (wrong?.field?.endsWith(field) ? wrong.message : undefined);
  const madeUp = Object.entries((save.data?.made_up ?? {}) as Record<string, string>);
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
      <Stack>
        <TextInput label={t("integration.name")} description={t("integration.nameHint")} required={Boolean(integration?.display_name)} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        {platform.fields.map((field) => {
          const props = {
            label: field.label, value: values[field.name] ?? "", error: wrongAt(field.name), autoComplete: "off", spellCheck: false,
            required: !field.optional && !field.generated && !stored[field.name],
            onChange: (event: { currentTarget: { value: string } }) => { const { value } = event.currentTarget; setValues((before) => ({ ...before, [field.name]: value })); },
            description: field.kind === "secret" && stored[field.name] ? `${field.help} ${t("integration.kept", { shown: stored[field.name] ?? "" })}` : field.help,
          };
          return field.kind === "secret" ? <PasswordInput key={field.name} {...props} visibilityToggleButtonProps={{ "aria-label": `${t("field.visible")}: ${field.label}` }} /> : <TextInput key={field.name} {...props} />;
        })}
        {platform.features.webhook && platform.features.connection && (
          <div>
            <Text size="sm" fw={600} mb={4}>{t("integration.mode")}</Text>
            <SegmentedControl aria-label={t("integration.mode")} value={mode} onChange={setMode} data={[{ value: "webhook", label: t("integration.byWebhook") }, { value: "connection", label: t("integration.byConnection") }]} />
          </div>
        )}
        {platform.features.streaming && <Switch label={t("integration.streaming")} checked={streaming} onChange={(event) => setStreaming(event.currentTarget.checked)} />}
        {save.error && <Wrong error={save.error} />}
        {madeUp.length > 0 && <Alert color="blue" title={t("integration.madeUp")}><Stack gap="xs">{madeUp.map(([name, value]) => <Address key={name} label={name} value={value} />)}</Stack></Alert>}
        <Group><Button type="submit" loading={save.isPending}>{t("do.save")}</Button>{save.isSuccess && <Text size="sm" role="status">{t("saved.done")}</Text>}</Group>
      </Stack>
    </form>
  );
}

/** What to do with an integration that is there. */
function Doing({ bot, integration, platform }: { bot: Bot; integration: Integration; platform: Platform }) {
  const { t } = useTexts();
  const [gone, setGone] = useState(false);
  const path = { chatbot_id: bot.id, integration_id: integration.id };
  const stale = [["integrations", bot.id], ["logs", bot.id], ["stats", integration.id]];
  const toggle = useAct((enabled: boolean) => ask(api.POST("/api/integrations/{chatbot_id}/{integration_id}/toggle", { params: { path }, body: { enabled } })), ...stale);
  const test = useAct(async () => ask(api.POST("/api/integrations/{chatbot_id}/{integration_id}/test", { params: { path } })), ...stale);
  const connect = useAct(async () => ask(api.POST("/api/integrations/{chatbot_id}/{integration_id}/connect", { params: { path } })), ...stale);
  const remove = useAct(async () => ask(api.DELETE("/api/integrations/{chatbot_id}/{integration_id}", { params: { path } })), ...stale);
  return (
    <Stack>
      {integration.state_reason && <Alert color={integration.state === "error" ? "red" : "blue"}><Text size="sm" className="words">{integration.state_reason}</Text></Alert>}
      <Switch label={t("integration.enabled")} checked={integration.enabled} disabled={toggle.isPending} onChange={(event) => toggle.mutate(event.currentTarget.checked)} />
      <Group>
        <Button variant="default" onClick={() => test.mutate(undefined)} loading={test.isPending}>{t("integration.test")}</Button>
        <Button variant="default" onClick={() => connect.mutate(undefined)} loading={connect.isPending}>{t("integration.connect")}</Button>
        <Button variant="default" onClick={() => setGone(true)}>{t("do.delete")}</Button>
      </Group>
      {[toggle.error, test.error, connect.error].map((error, at) => error && <Wrong key={at} error={error} />)}
      {test.data && (
        <Alert color={test.data.ok ? "green" : "red"} title={t(test.data.ok ? "integration.works" : "integration.worksNot")} role="status">
          <Text size="sm" className="words">{test.data.problem ?? test.data.name}</Text>
          {test.data.details.map((detail) => <Text key={detail} size="sm" className="words">{detail}</Text>)}
        </Alert>
      )}
      {connect.data && (
        <Alert color={connect.data.registered ? "green" : "blue"} title={t(connect.data.registered ? "integration.registered" : "integration.byHand")} role="status">
          {connect.data.set_on && <Text size="sm">{connect.data.set_on}</Text>}
          {connect.data.instructions && <Text size="sm" className="words">{connect.data.instructions}</Text>}
        </Alert>
      )}
      {platform.features.webhook && <Address label={t("integration.webhook")} value={integration.webhook_url} />}
      <Confirm opened={gone} onClose={() => setGone(false)} title={t("integration.deleteTitle", { platform: platform.title })} name={platform.title} action={t("do.delete")} onConfirm={() => remove.mutateAsync(undefined)}>{t("integration.deleteWhat")}</Confirm>
    </Stack>
  );
}

function Log({ bot, integration }: { bot: Bot; integration: Integration }) {
  const { t, time, word } = useTexts();
  const [level, setLevel] = useState("");
  const path = { chatbot_id: bot.id };
  const entries = useInfiniteQuery({
    queryKey: ["logs", bot.id, integration.id, level], initialPageParam: "", refetchInterval: 10_000, getNextPageParam: (page: Schemas["Page_LogEntry"]) => page.next ?? undefined,
    queryFn: ({ pageParam }) => ask(api.GET("/api/integrations/{chatbot_id}/logs", { params: { path, query: { integration_id: integration.id, ...(level && { level }), ...(pageParam && { after: pageParam }) } as never } })),
  });
  const items = entries.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Stack>
      <SegmentedControl aria-label={t("log.level")} value={level} onChange={setLevel} data={[{ value: "", label: t("log.all") }, ...["info", "warning", "error"].map((value) => ({ value, label: word("state", value) }))]} />
      {entries.isPending && <Loading />}
      {entries.error && <Wrong error={entries.error} retry={() => void entries.refetch()} />}
      {entries.data && !items.length && <Empty title={t("log.none")}>{t("log.noneHint")}</Empty>}
      {items.map((entry) => (
        <div key={entry.id}>
          <Group gap="xs"><State value={entry.level} /><Text size="xs" c="dimmed">{time(entry.at)} · {entry.event}</Text></Group>
          <Text size="sm" className="words">{entry.message}</Text>
        </div>
      ))}
      {entries.hasNextPage && <More onMore={() => void entries.fetchNextPage()} busy={entries.isFetchingNextPage} />}
    </Stack>
  );
}

/** Webhooks that could not be verified, kept until the settings are mended. */
function Refused({ bot, integration }: { bot: Bot; integration: Integration }) {
  const { t, time, number } = useTexts();
  const [gone, setGone] = useState<string | null>(null);
  const path = { chatbot_id: bot.id };
  const stale = ["quarantine", bot.id];
  const kept = useQuery({ queryKey: ["quarantine", bot.id, integration.id], queryFn: () => ask(api.GET("/api/integrations/{chatbot_id}/quarantine", { params: { path, query: { integration_id: integration.id } } })), refetchInterval: 10_000 });
  const check = useAct((quarantine_id: string) => ask(api.POST("/api/integrations/{chatbot_id}/quarantine/{quarantine_id}/check", { params: { path: { ...path, quarantine_id } } })), stale);
  const replay = useAct((quarantine_id: string) => ask(api.POST("/api/integrations/{chatbot_id}/quarantine/{quarantine_id}/replay", { params: { path: { ...path, quarantine_id } } })), stale);
  const discard = useAct((quarantine_id: string) => ask(api.DELETE("/api/integrations/{chatbot_id}/quarantine/{quarantine_id}", { params: { path: { ...path, quarantine_id } } })), stale);
  return (
    <Stack>
      {[check.error, replay.error].map((error, at) => error && <Wrong key={at} error={error} />)}
      <Shown of={kept}>
        {({ items }) => !items.length ? <Empty title={t("refused.none")}>{t("refused.noneHint")}</Empty> : (
          <>{items.map((hook) => (
            <Card key={hook.id} withBorder padding="sm">
              <Stack gap="xs">
                <Group gap="xs"><State value={hook.state} /><Badge color="gray">{hook.cause.replaceAll("_", " ")}</Badge><Text size="xs" c="dimmed">{time(hook.received_at)} · {t("refused.bytes", { size: number(hook.size) })}</Text></Group>
                <Text size="sm" className="words">{hook.words}</Text>
                {hook.state === "kept" && (
                  <Group gap="xs">
                    <Button size="xs" variant="default" onClick={() => check.mutate(hook.id)} loading={check.isPending && check.variables === hook.id}>{t("refused.check")}</Button>
                    <Button size="xs" variant="default" disabled={!hook.acceptable} onClick={() => replay.mutate(hook.id)} loading={replay.isPending && replay.variables === hook.id}>{t("refused.replay")}</Button>
                    <Button size="xs" variant="default" onClick={() => setGone(hook.id)}>{t("refused.discard")}</Button>
                  </Group>
                )}
              </Stack>
            </Card>
          ))}</>
        )}
      </Shown>
      <Confirm opened={gone !== null} onClose={() => setGone(null)} title={t("refused.discardTitle")} action={t("refused.discard")} onConfirm={async () => gone && discard.mutateAsync(gone)}>{t("refused.discardWhat")}</Confirm>
    </Stack>
  );
}

function One({ bot, platform, integration }: { bot: Bot; platform: Platform; integration?: Integration }) {
  const { t } = useTexts();
  return (
    <Stack>
      {integration && <Doing bot={bot} integration={integration} platform={platform} />}
      <Tabs defaultValue={integration ? "fields" : "steps"} keepMounted={false} key={integration?.id ?? "new"}>
        <Tabs.List mb="md" className="tabs" aria-label={platform.title}>
          <Tabs.Tab value="steps">{t("integration.steps")}</Tabs.Tab>
          <Tabs.Tab value="fields">{t("integration.fields")}</Tabs.Tab>
          {integration && <Tabs.Tab value="log">{t("integration.log")}</Tabs.Tab>}
          {integration && <Tabs.Tab value="refused">{t("integration.refused")}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="steps"><Steps bot={bot} platform={platform} /></Tabs.Panel>
        <Tabs.Panel value="fields"><Fields bot={bot} platform={platform} integration={integration} /></Tabs.Panel>
        {integration && <Tabs.Panel value="log"><Log bot={bot} integration={integration} /></Tabs.Panel>}
        {integration && <Tabs.Panel value="refused"><Refused bot={bot} integration={integration} /></Tabs.Panel>}
      </Tabs>
    </Stack>
  );
}

export default function Integrations({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const platforms = usePlatforms();
  const integrations = useIntegrations(bot.id);
  const [open, setOpen] = useState<string | null>(null);
  const chosen = platforms.data?.items.find((one) => one.platform === open);
  const of = (platform: string) => integrations.data?.items.find((one) => one.platform === platform);
  if (integrations.error) return <Wrong error={integrations.error} retry={() => void integrations.refetch()} />;
  return (
    <>
      <Section title={t("integrations.title")} note={t("integrations.note")}>
        <Shown of={platforms}>
          {({ items }) => (
            <SimpleGrid cols={{ base: 1, xs: 2, lg: 3 }}>
              {items.map((platform) => {
                const integration = of(platform.platform);
                return (
                  <Card key={platform.platform} withBorder padding="md" component="article" aria-label={platform.title}>
                    <Stack gap="xs" justify="space-between" h="100%">
                      <Group justify="space-between" wrap="nowrap" align="flex-start"><Title order={3}>{platform.title}</Title>{integration ? <State value={integration.enabled ? integration.state : "off"} /> : <Text size="sm" c="dimmed" style={{ whiteSpace: "nowrap" }}>{t("integration.not")}</Text>}</Group>
                      {integration?.state_reason && <Text size="xs" lineClamp={2}>{integration.state_reason}</Text>}
                      <Group><Button size="xs" variant="default" onClick={() => setOpen(platform.platform)} aria-label={`${t(integration ? "integration.manage" : "integration.setUp")}: ${platform.title}`}>{t(integration ? "integration.manage" : "integration.setUp")}</Button></Group>
                    </Stack>
                  </Card>
                );
              })}
            </SimpleGrid>
          )}
        </Shown>
      </Section>
      <Drawer opened={chosen !== undefined} onClose={() => setOpen(null)} position="right" size="xl" title={chosen?.title} closeButtonProps={{ "aria-label": t("do.close") }}>
        {chosen && <One bot={bot} platform={chosen} integration={of(chosen.platform)} />}
      </Drawer>
    </>
  );
}
