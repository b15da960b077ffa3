import { Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../../api/client";
import { useAct } from "../../../parts/act";
import { useMay } from "../../../parts/role";
import { Section, Shown, Wrong } from "../../../parts/state";
import { useTexts } from "../../../texts";
import { PreChat, Suggestions } from "./asking";
import { Origins, Snippet } from "./embed";
import { Look } from "./look";
import { Preview } from "./preview";
import type { Settings } from "./settings";
import { Words } from "./words";

type Bot = Schemas["Chatbot"];

function Designer({ bot, stored }: { bot: Bot; stored: Settings }) {
  const { t } = useTexts();
  const may = useMay(bot.workspace_id, "admin");
  const [settings, setSettings] = useState(stored);
  const save = useAct(async () => ask(api.PUT("/api/chatbots/{chatbot_id}/widget", { params: { path: { chatbot_id: bot.id } }, body: settings as never })), ["widget", bot.id]);
  const set = (change: Partial<Settings>) => { save.reset(); setSettings((before) => ({ ...before, ...change })); };
  return (
    <Stack>
      <div className="split">
        <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
          <Stack>
            <Look bot={bot} settings={settings} set={set} />
            <Suggestions settings={settings} set={set} />
            <PreChat settings={settings} set={set} />
            <Words settings={settings} set={set} />
            {save.error && <Wrong error={save.error} />}
            {may ? <Group><Button type="submit" loading={save.isPending}>{t("do.save")}</Button>{save.isSuccess && <Text size="sm" role="status">{t("widget.saved")}</Text>}</Group> : <Text size="sm" c="dimmed">{t("role.adminsOnly")}</Text>}
          </Stack>
        </form>
        <div className="beside"><Section title={t("widget.preview")} note={t("widget.previewNote")}><Preview bot={bot} settings={settings} /></Section></div>
      </div>
      <div className="split"><Snippet bot={bot} /><Origins bot={bot} may={may} /></div>
    </Stack>
  );
}

export default function Widget({ bot }: { bot: Bot }) {
  const stored = useQuery({ queryKey: ["widget", bot.id], refetchOnWindowFocus: false, queryFn: async () => (await ask(api.GET("/api/chatbots/{chatbot_id}/widget", { params: { path: { chatbot_id: bot.id } } }))) as unknown as Settings });
  return <Shown of={stored} lines={6}>{(stored) => <Designer bot={bot} stored={stored} />}</Shown>;
}
