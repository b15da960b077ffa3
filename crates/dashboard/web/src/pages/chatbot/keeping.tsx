// How long a chatbot's conversations are kept, and deleting it for good.

import { Alert, Button, Group, NumberInput, Stack, Switch, Text } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { Link } from "react-router-dom";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Confirm, Section, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

type Bot = Schemas["Chatbot"];

export function Retention({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const [limited, setLimited] = useState(bot.retention_days != null);
  const [days, setDays] = useState<number | string>(bot.retention_days ?? 90);
  const [asked, setAsked] = useState(false);
  const wanted = limited ? Number(days) : null;
  const save = useAct(async () => ask(api.PUT("/api/chatbots/{chatbot_id}/retention", { params: { path: { chatbot_id: bot.id } }, body: { days: wanted } })), ["chatbot", bot.id]);
  const shorter = wanted !== null && (bot.retention_days == null || wanted < bot.retention_days);
  const submit = (event: FormEvent) => { event.preventDefault(); if (shorter) setAsked(true); else save.mutate(undefined); };
  return (
    <Section title={t("keep.title")} note={t("keep.note")}>
      <form onSubmit={submit}>
        <Stack align="flex-start">
          <Switch label={t("keep.limited")} checked={limited} onChange={(event) => { setLimited(event.currentTarget.checked); save.reset(); }} />
          {limited && <NumberInput label={t("keep.days")} description={t("keep.daysHint")} min={1} max={3650} allowDecimal={false} required value={days} onChange={(days) => { setDays(days); save.reset(); }} />}
          {save.error && <Wrong error={save.error} />}
          <Group gap="sm"><Button type="submit" loading={save.isPending}>{t("do.save")}</Button>{save.isSuccess && <Text size="sm" role="status">{t("leads.saved")}</Text>}</Group>
        </Stack>
      </form>
      <Confirm opened={asked} onClose={() => setAsked(false)} title={t("keep.sure")} action={t("do.save")} onConfirm={() => save.mutateAsync(undefined)}>{t("keep.sureWhat", { days: String(wanted ?? "") })}</Confirm>
    </Section>
  );
}

export function Deletion({ bot }: { bot: Bot }) {
  const { t, time } = useTexts();
  const [asked, setAsked] = useState(false);
  const remove = useAct(async () => ask(api.POST("/api/chatbots/{chatbot_id}/delete", { params: { path: { chatbot_id: bot.id } }, body: { name: bot.name } })), ["chatbot", bot.id], ["chatbots", bot.workspace_id], ["data-jobs", bot.workspace_id]);
  const begun = remove.data?.created_at ?? bot.deleting_at;
  return (
    <Section title={t("gone.title")} note={t("gone.what")}>
      {begun
        ? <Alert color="orange" role="status"><Text size="sm">{t("gone.begun", { time: time(begun) })} <Link to={`/workspaces/${bot.workspace_id}/settings/privacy`}>{t("workspace.privacy")}</Link></Text></Alert>
        : <Group><Button color="red" onClick={() => setAsked(true)}>{t("gone.title")}</Button></Group>}
      <Confirm opened={asked} onClose={() => setAsked(false)} title={t("gone.sure", { name: bot.name })} name={bot.name} action={t("gone.title")} onConfirm={() => remove.mutateAsync(undefined)}>{t("gone.what")}</Confirm>
    </Section>
  );
}
