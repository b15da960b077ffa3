import { Alert, Button, Group } from "@mantine/core";
import { lazy } from "react";
import { useParams } from "react-router-dom";
import { api, ask, type Schemas } from "../../api/client";
import { useChatbot } from "../../api/hooks";
import { useLive } from "../../api/live";
import { useAct } from "../../parts/act";
import { Sections } from "../../parts/sections";
import { PageHead, Shown, Wrong } from "../../parts/state";
import { TryIt } from "../../parts/try-it";
import { useTexts } from "../../texts";
import { Overview } from "./overview";

const Knowledge = lazy(() => import("./knowledge"));
const Behaviour = lazy(() => import("./behaviour"));
const Widget = lazy(() => import("./widget"));
const Settings = lazy(() => import("./settings"));
const Tools = lazy(() => import("./tools"));
const Quality = lazy(() => import("./quality"));
const Integrations = lazy(() => import("./integrations"));

const TABS = ["overview", "knowledge", "try", "behaviour", "tools", "quality", "integrations", "widget", "settings"] as const;
export type Tab = (typeof TABS)[number];

function Page({ tab, bot }: { tab: Tab; bot: Schemas["Chatbot"] }) {
  switch (tab) {
    case "overview": return <Overview bot={bot} />;
    case "knowledge": return <Knowledge bot={bot} />;
    case "try": return <TryIt chatbot={bot} />;
    case "behaviour": return <Behaviour bot={bot} />;
    case "widget": return <Widget bot={bot} />;
    case "settings": return <Settings bot={bot} />;
    case "tools": return <Tools bot={bot} />;
    case "quality": return <Quality bot={bot} />;
    case "integrations": return <Integrations bot={bot} />;
  }
}

function Archived({ bot }: { bot: Schemas["Chatbot"] }) {
  const { t } = useTexts();
  const restore = useAct(async () => ask(api.POST("/api/chatbots/{chatbot_id}/restore", { params: { path: { chatbot_id: bot.id } } })), ["chatbot", bot.id], ["chatbots", bot.workspace_id]);
  return (
    <Alert color="orange" mb="md" title={t("bot.archived")}>
      {restore.error && <Wrong error={restore.error} />}
      <Group><Button size="xs" variant="default" onClick={() => restore.mutate(undefined)} loading={restore.isPending}>{t("bot.restore")}</Button></Group>
    </Alert>
  );
}

export default function Chatbot() {
  const { t } = useTexts();
  const { chatbot = "", tab: named } = useParams();
  const tab: Tab = TABS.find((tab) => tab === named) ?? "overview";
  const bot = useChatbot(chatbot);
  useLive(bot.data?.workspace_id);
  return (
    <Shown of={bot}>
      {(bot) => (
        <>
          <PageHead title={bot.name} note={t(`tab.${tab}.note`)} />
          {bot.archived_at && <Archived bot={bot} />}
          <Sections tabs={TABS} open={tab} label={(tab) => t(`tab.${tab}`)} at={`/chatbots/${chatbot}`}>{(tab) => <Page key={bot.id} tab={tab} bot={bot} />}</Sections>
        </>
      )}
    </Shown>
  );
}
