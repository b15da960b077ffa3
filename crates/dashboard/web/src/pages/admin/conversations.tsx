import { Alert, Badge, Card, Group, Stack, Text } from "@mantine/core";
import { Link } from "react-router-dom";
import { api, ask } from "../../api/client";
import { ChoiceFilter, Filters, TextFilter, useFilters } from "../../parts/filters";
import { useNames } from "../../parts/names";
import { Paged, usePaged } from "../../parts/paged";
import { Empty, State } from "../../parts/state";
import { useTexts } from "../../texts";
import { Reading } from "./reading";
import { PlatformFilter, useTitled, WorkspaceFilter } from "./shared";

const REASONS = ["requested", "keyword", "unanswered", "agent"];

export default function Conversations() {
  const { t, ago, word } = useTexts();
  const nameOf = useNames();
  const titled = useTitled();
  const { chosen, set, query } = useFilters(["contact", "workspace_id", "chatbot_id", "integration_id", "platform", "handler", "handoff_reason"]);
  const talks = usePaged(["admin", "conversations", chosen], (after) => ask(api.GET("/api/administration/conversations", { params: { query: { ...chosen, after } } })), 15_000);
  const opened = query.get("conversation");
  const named = (id: string, name: (one: { chatbot_name: string; integration_id: string; chatbot_id: string; platform: string }) => string | false) => {
    const found = talks.data?.pages.flatMap((page) => page.items).map(name).find(Boolean);
    return [{ value: id, label: found || id }];
  };
  const { chatbot_id, integration_id } = chosen;
  return (
    <Stack>
      <Alert color="blue">{t("atalks.note")}</Alert>
      <Filters>
        <TextFilter label={t("inbox.contact")} value={chosen.contact} onChange={(value) => set("contact", value)} />
        <WorkspaceFilter value={chosen.workspace_id} onChange={(value) => set("workspace_id", value)} />
        <PlatformFilter value={chosen.platform} onChange={(value) => set("platform", value)} />
        <ChoiceFilter label={t("inbox.handler")} value={chosen.handler} onChange={(value) => set("handler", value)} options={["bot", "human"].map((value) => ({ value, label: word("handler", value) }))} />
        <ChoiceFilter label={t("atalks.why")} value={chosen.handoff_reason} onChange={(value) => set("handoff_reason", value)} options={REASONS.map((value) => ({ value, label: word("handoffReason", value) }))} />
        {chatbot_id && <ChoiceFilter label={t("inbox.chatbot")} value={chatbot_id} onChange={(value) => set("chatbot_id", value)} options={named(chatbot_id, (one) => one.chatbot_id === chatbot_id && one.chatbot_name)} />}
        {integration_id && <ChoiceFilter label={t("letters.integration")} value={integration_id} onChange={(value) => set("integration_id", value)} options={named(integration_id, (one) => one.integration_id === integration_id && `${titled(one.platform)}, ${one.chatbot_name}`)} />}
      </Filters>
      <div className="inbox">
        <Card withBorder padding={0} component="nav" aria-label={t("inbox.list")}>
          <Paged of={talks} empty={<div style={{ padding: 16 }}><Empty title={t("atalks.none")}>{t("atalks.noneHint")}</Empty></div>}>
            {(items) => items.map((one) => (
              <Link key={one.id} className="row" to={`/admin/conversations?${new URLSearchParams({ ...chosen, conversation: one.id })}`} aria-current={one.id === opened ? "true" : undefined}>
                <Group justify="space-between" wrap="nowrap" gap="xs"><Text fw={600} size="sm" truncate>{nameOf(one)}</Text><Text size="xs" style={{ whiteSpace: "nowrap" }}>{ago(one.last_message?.at ?? one.created_at)}</Text></Group>
                <Text size="xs" truncate>{one.workspace_name}</Text>
                <Group gap={6}><Text size="xs">{one.chatbot_name} · {titled(one.platform)}</Text>{one.handler === "human" && <State kind="handler" value="human" />}{one.waiting > 0 && <Badge color="blue">{one.waiting}</Badge>}</Group>
              </Link>
            ))}
          </Paged>
        </Card>
        {opened ? <Reading key={opened} id={opened} /> : <Empty title={t("inbox.choose")}>{t("atalks.chooseHint")}</Empty>}
      </div>
    </Stack>
  );
}
