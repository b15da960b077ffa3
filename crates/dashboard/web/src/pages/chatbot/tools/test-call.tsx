import { Alert, Button, Code, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Schemas } from "../../../api/client";
import { useAct } from "../../../parts/act";
import { JsonInput, readable } from "../../../parts/json";
import { Wrong } from "../../../parts/state";
import { useTexts } from "../../../texts";

/** The arguments that a call has to have, empty. */
function begun(parameters: unknown): string {
  const { properties = {} } = parameters as { properties?: Record<string, { type?: string }> };
  const empty: Record<string, unknown> = { integer: 0, number: 0, boolean: false, array: [], object: {} };
  return JSON.stringify(Object.fromEntries(Object.entries(properties).map(([name, { type }]) => [name, empty[type ?? ""] ?? ""])), null, 2);
}

export function TestCall({ bot, tool }: { bot: Schemas["Chatbot"]; tool: Schemas["Tool"] }) {
  const { t, number } = useTexts();
  const [text, setText] = useState(begun(tool.parameters));
  const { value } = readable(text);
  const call = useAct(async () => ask(api.POST("/api/chatbots/{chatbot_id}/tools/{tool_id}/test", { params: { path: { chatbot_id: bot.id, tool_id: tool.id } }, body: { arguments: value as never } })));
  const came = call.data;
  return (
    <form onSubmit={(event) => { event.preventDefault(); if (value) call.mutate(undefined); }}>
      <Stack>
        {tool.changes && <Alert color="orange"><Text size="sm">{t("tools.testWarning")}</Text></Alert>}
        <JsonInput label={t("tools.arguments")} value={text} onChange={(event) => setText(event.currentTarget.value)} data-autofocus />
        <Group><Button type="submit" loading={call.isPending} disabled={!value}>{t("tools.call")}</Button></Group>
        {call.error && <Wrong error={call.error} />}
        {came && (
          <Alert color={came.ok ? "green" : "red"} role="status" title={t(came.ok ? "integration.works" : "integration.worksNot")}>
            <Text size="sm">{came.status != null && `HTTP ${came.status} · `}{number(came.milliseconds)} ms</Text>
            {came.error && <Text size="sm" className="words">{came.error}</Text>}
            {came.content && <Code block className="words" tabIndex={0} style={{ maxHeight: 320, overflowY: "auto" }}>{came.content}</Code>}
          </Alert>
        )}
      </Stack>
    </form>
  );
}
