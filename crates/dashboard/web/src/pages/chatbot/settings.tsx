import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router-dom";
import { api, ask, Problem, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Changes } from "../../parts/changes";
import { Import } from "../../parts/import";
import { useMay } from "../../parts/role";
import { Confirm, Section, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";
import { Deletion, Retention } from "./keeping";

type Bot = Schemas["Chatbot"];

/** What was changed without going live yet, as a file that was read in. */
function Draft({ bot, may }: { bot: Bot; may: boolean }) {
  const { t } = useTexts();
  const [gone, setGone] = useState(false);
  const params = { path: { chatbot_id: bot.id } };
  const draft = useQuery({
    queryKey: ["draft", bot.id],
    queryFn: async () => {
      try {
        return await ask(api.GET("/api/chatbots/{chatbot_id}/draft", { params }));
      } catch (error) {
        if (error instanceof Problem && error.status === 404) return null;
        throw error;
      }
    },
  });
  const stale = [["draft", bot.id], ["chatbot", bot.id], ["versions", bot.id], ["retrieval", bot.id]];
  const publish = useAct(async () => ask(api.POST("/api/chatbots/{chatbot_id}/draft/publish", { params, body: {} })), ...stale);
  const discard = useAct(async () => ask(api.DELETE("/api/chatbots/{chatbot_id}/draft", { params })), ...stale);
  return (
    <>
      {draft.error && <Wrong error={draft.error} retry={() => void draft.refetch()} />}
      {publish.data?.state === "checking" && <Alert color="blue" title={t("saved.checking")}><Text size="sm">{t("saved.checkingWhat")} <Link to={`/chatbots/${bot.id}/quality`}>{t("tab.quality")}</Link></Text></Alert>}
      {publish.data && publish.data.state !== "checking" && <Text size="sm" role="status">{t("saved.live")}</Text>}
      {draft.data && (
        <Section title={t("draft.title")} note={t("draft.note")}>
          <Stack>
            <Changes changes={draft.data.changes} before={t("versions.live")} after={t("draft.title")} />
            {publish.error && <Wrong error={publish.error} />}
            {may && <Group><Button onClick={() => publish.mutate(undefined)} loading={publish.isPending}>{t("draft.publish")}</Button><Button variant="default" onClick={() => setGone(true)}>{t("draft.discard")}</Button></Group>}
          </Stack>
        </Section>
      )}
      <Confirm opened={gone} onClose={() => setGone(false)} title={t("draft.discardTitle")} action={t("draft.discard")} onConfirm={() => discard.mutateAsync(undefined)}>{t("draft.discardWhat")}</Confirm>
    </>
  );
}

function Archive({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const [asked, setAsked] = useState(false);
  const archive = useAct(async () => ask(api.POST("/api/chatbots/{chatbot_id}/archive", { params: { path: { chatbot_id: bot.id } } })), ["chatbot", bot.id], ["chatbots", bot.workspace_id]);
  return (
    <Section title={t("bot.archive")} note={t("bot.archiveWhat")}>
      <Group><Button color="red" variant="outline" onClick={() => setAsked(true)}>{t("bot.archive")}</Button></Group>
      <Confirm opened={asked} onClose={() => setAsked(false)} title={t("bot.archiveTitle")} name={bot.name} action={t("bot.archive")} onConfirm={() => archive.mutateAsync(undefined)}>{t("bot.archiveWhat")}</Confirm>
    </Section>
  );
}

export default function Settings({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const may = useMay(bot.workspace_id, "admin");
  const owner = useMay(bot.workspace_id, "owner");
  return (
    <Stack maw={860}>
      <Draft bot={bot} may={may} />
      {!may && <Alert color="blue"><Text size="sm">{t("role.adminsOnly")}</Text></Alert>}
      {may && (
        <>
          <Section title={t("bot.export")} note={t("export.note")}><Group><Button component="a" href={`/api/chatbots/${bot.id}/export`} download variant="default">{t("export.download")}</Button></Group></Section>
          <Section title={t("import.title")} note={t("import.note")}><Import into={{ chatbot: bot.id }} stale={[["draft", bot.id], ["golden", bot.id]]} /></Section>
          <Retention key={bot.retention_days} bot={bot} />
          {bot.archived_at ? owner && <Deletion bot={bot} /> : <Archive bot={bot} />}
        </>
      )}
    </Stack>
  );
}
