import { Stack, TagsInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, askWhole, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Saved } from "../../parts/saved";
import { Section, Shown } from "../../parts/state";
import { useTexts } from "../../texts";

type Bot = Schemas["Chatbot"];

function Fields({ bot, stored }: { bot: Bot; stored: Schemas["Links"] }) {
  const { t } = useTexts();
  const [hosts, setHosts] = useState(stored.hosts);
  const save = useAct(async () => askWhole(api.PUT("/api/chatbots/{chatbot_id}/links", { params: { path: { chatbot_id: bot.id } }, body: { hosts } })), ["links", bot.id]);
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
      <Stack>
        <TagsInput label={t("links.hosts")} description={t("links.hint")} placeholder="shop.example.com" splitChars={[",", " "]} value={hosts} onChange={setHosts} />
        <Saved bot={bot.id} status={save.data?.status} error={save.error} busy={save.isPending} />
      </Stack>
    </form>
  );
}

/** Where answers may lead. */
export function Links({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const stored = useQuery({ queryKey: ["links", bot.id], queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/links", { params: { path: { chatbot_id: bot.id } } })) });
  return <Section title={t("links.title")} note={t("links.note")}><Shown of={stored}>{(stored) => <Fields bot={bot} stored={stored} />}</Shown></Section>;
}
