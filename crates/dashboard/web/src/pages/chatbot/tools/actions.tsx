// HTTP actions: what the chatbot may call.

import { Badge, Button, Code, Drawer, Group, Modal, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../../api/client";
import { useAct } from "../../../parts/act";
import { Confirm, Empty, Section, Shown, Wrong } from "../../../parts/state";
import { useTexts } from "../../../texts";
import { ActionForm, inputOf } from "./action-form";
import { TestCall } from "./test-call";

type Bot = Schemas["Chatbot"];
type Tool = Schemas["Tool"];

function One({ bot, tool, may, onEdit, onTest }: { bot: Bot; tool: Tool; may: boolean; onEdit: () => void; onTest: () => void }) {
  const { t } = useTexts();
  const [gone, setGone] = useState(false);
  const params = { path: { chatbot_id: bot.id, tool_id: tool.id } };
  const toggle = useAct(async () => ask(api.PUT("/api/chatbots/{chatbot_id}/tools/{tool_id}", { params, body: { ...inputOf(tool), enabled: !tool.enabled } })), ["tools", bot.id]);
  const remove = useAct(async () => ask(api.DELETE("/api/chatbots/{chatbot_id}/tools/{tool_id}", { params })), ["tools", bot.id]);
  return (
    <Stack gap="xs" className="item" component="article" aria-label={tool.name}>
      <Group gap="xs">
        <Text fw={600} size="sm">{tool.name}</Text>
        <Badge color={tool.enabled ? "green" : "gray"}>{t(tool.enabled ? "tools.on" : "tools.off")}</Badge>
        <Badge color={tool.changes ? "orange" : "gray"}>{t(tool.changes ? "tools.changes" : "tools.reads")}</Badge>
      </Group>
      <Text size="sm" className="words">{tool.description}</Text>
      <Code className="words">{tool.method} {tool.url}</Code>
      {toggle.error && <Wrong error={toggle.error} />}
      {may && (
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={onTest} aria-label={`${t("tools.test")}: ${tool.name}`}>{t("tools.test")}</Button>
          <Button size="xs" variant="default" onClick={onEdit} aria-label={`${t("do.edit")}: ${tool.name}`}>{t("do.edit")}</Button>
          <Button size="xs" variant="default" onClick={() => toggle.mutate(undefined)} loading={toggle.isPending} aria-label={`${t(tool.enabled ? "tools.switchOff" : "tools.switchOn")}: ${tool.name}`}>{t(tool.enabled ? "tools.switchOff" : "tools.switchOn")}</Button>
          <Button size="xs" variant="default" onClick={() => setGone(true)} aria-label={`${t("do.delete")}: ${tool.name}`}>{t("do.delete")}</Button>
        </Group>
      )}
      <Confirm opened={gone} onClose={() => setGone(false)} title={t("tools.deleteTitle")} name={tool.name} action={t("do.delete")} onConfirm={() => remove.mutateAsync(undefined)}>{t("tools.deleteWhat", { name: tool.name })}</Confirm>
    </Stack>
  );
}

export function Actions({ bot, may }: { bot: Bot; may: boolean }) {
  const { t } = useTexts();
  const [edited, setEdited] = useState<Tool | "new" | null>(null);
  const [tested, setTested] = useState<Tool | null>(null);
  const tools = useQuery({ queryKey: ["tools", bot.id], queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/tools", { params: { path: { chatbot_id: bot.id } } })) });
  return (
    <Section title={t("tools.title")} note={t("tools.note")} action={may && <Button size="xs" onClick={() => setEdited("new")}>{t("tools.add")}</Button>}>
      <Shown of={tools}>
        {({ items }) => !items.length ? <Empty title={t("tools.none")}>{t("tools.noneHint")}</Empty> : (
          <Stack>{items.map((tool) => <One key={tool.id} bot={bot} tool={tool} may={may} onEdit={() => setEdited(tool)} onTest={() => setTested(tool)} />)}</Stack>
        )}
      </Shown>
      <Drawer opened={edited !== null} onClose={() => setEdited(null)} position="right" size="xl" title={edited === "new" ? t("tools.add") : edited?.name} closeButtonProps={{ "aria-label": t("do.close") }}>
        {edited && <ActionForm bot={bot} tool={edited === "new" ? undefined : edited} onClose={() => setEdited(null)} />}
      </Drawer>
      <Modal opened={tested !== null} onClose={() => setTested(null)} size="lg" title={t("tools.testTitle", { name: tested?.name ?? "" })} closeButtonProps={{ "aria-label": t("do.close") }}>
        {tested && <TestCall bot={bot} tool={tested} />}
      </Modal>
    </Section>
  );
}
