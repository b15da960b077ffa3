import { Button, Fieldset, Group, NativeSelect, NumberInput, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { api, ask, Problem, type Schemas } from "../../../api/client";
import { useAct } from "../../../parts/act";
import { Headers, headersOf, sent } from "../../../parts/headers";
import { JsonInput, readable } from "../../../parts/json";
import { Wrong } from "../../../parts/state";
import { useTexts } from "../../../texts";

type Input = Schemas["ToolInput"];

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const EXAMPLE = { type: "object", properties: { id: { type: "string", description: "" } }, required: ["id"] };
const NEW: Input = { name: "", description: "", method: "GET", url: "https://", changes: false };

/** A stored tool as it is sent again: its secrets stay. */
export function inputOf({ id: _, created_at, updated_at, version, ...tool }: Schemas["Tool"]): Input {
  return { ...tool, secret_headers: sent(headersOf({}, tool.secret_headers), true) as never };
}

const whole = (value: string | number) => (value === "" ? null : Number(value));

export function ActionForm({ bot, tool, onClose }: { bot: Schemas["Chatbot"]; tool?: Schemas["Tool"]; onClose: () => void }) {
  const { t } = useTexts();
  const [input, setInput] = useState<Input>(tool ? inputOf(tool) : NEW);
  const [parameters, setParameters] = useState(JSON.stringify(tool?.parameters ?? EXAMPLE, null, 2));
  const [headers, setHeaders] = useState(headersOf(tool?.headers, tool?.secret_headers));
  const set = (change: Partial<Input>) => setInput({ ...input, ...change });
  const save = useAct(async () => {
    const body: Input = { ...input, parameters: readable(parameters).value as never, headers: sent(headers, false) as never, secret_headers: sent(headers, true) as never };
    const path = { chatbot_id: bot.id };
    return tool
      ? ask(api.PUT("/api/chatbots/{chatbot_id}/tools/{tool_id}", { params: { path: { ...path, tool_id: tool.id } }, body }))
      : ask(api.POST("/api/chatbots/{chatbot_id}/tools", { params: { path }, body }));
  }, ["tools", bot.id]);
  const wrong = save.error instanceof Problem ? save.error : null;
  const at = (...fields: string[]) => (wrong?.field && fields.includes(wrong.field.split(/[.[]/)[0] ?? "") ? wrong.message : undefined);
  return (
    <form onSubmit={(event) => { event.preventDefault(); if (readable(parameters).value) save.mutate(undefined, { onSuccess: onClose }); }}>
      <Stack>
        <TextInput label={t("col.name")} description={t("tools.nameHint")} required value={input.name} error={at("name")} onChange={(event) => set({ name: event.currentTarget.value })} data-autofocus />
        <Textarea label={t("tools.what")} description={t("tools.whatHint")} required value={input.description} error={at("description")} onChange={(event) => set({ description: event.currentTarget.value })} />
        <Group align="flex-start" gap="sm">
          <NativeSelect label={t("tools.method")} w={120} data={METHODS} value={input.method} error={at("method")} onChange={(event) => set({ method: event.currentTarget.value })} />
          <TextInput style={{ flex: "1 1 240px" }} label={t("tools.url")} description={t("tools.urlHint")} required value={input.url} error={at("url")} onChange={(event) => set({ url: event.currentTarget.value })} />
        </Group>
        <JsonInput label={t("tools.parameters")} description={t("tools.parametersHint")} minRows={8} value={parameters} error={at("parameters")} onChange={(event) => setParameters(event.currentTarget.value)} />
        <Headers headers={headers} onChange={setHeaders} />
        <Switch label={t("tools.changesLabel")} description={t("tools.changesHint")} checked={input.changes} onChange={(event) => set({ changes: event.currentTarget.checked })} />
        {input.changes && (
          <Fieldset legend={t("tools.confirm")}>
            <Stack gap="sm">
              <TextInput label={t("tools.confirmText")} description={t("tools.confirmHint")} value={input.confirm_text ?? ""} error={at("confirm_text")} onChange={(event) => set({ confirm_text: event.currentTarget.value || null })} />
              <div className="split">
                <TextInput label={t("tools.yes")} value={input.confirm_yes ?? ""} error={at("confirm_yes")} onChange={(event) => set({ confirm_yes: event.currentTarget.value || null })} />
                <TextInput label={t("tools.no")} value={input.confirm_no ?? ""} error={at("confirm_no")} onChange={(event) => set({ confirm_no: event.currentTarget.value || null })} />
              </div>
            </Stack>
          </Fieldset>
        )}
        <div className="split">
          <NumberInput label={t("tools.seconds")} description={t("tools.secondsHint")} min={1} max={60} value={input.time_limit_seconds ?? ""} error={at("time_limit_seconds")} onChange={(value) => set({ time_limit_seconds: whole(value) })} />
          <NumberInput label={t("tools.bytes")} description={t("tools.bytesHint")} min={1} max={262_144} value={input.max_response_bytes ?? ""} error={at("max_response_bytes")} onChange={(value) => set({ max_response_bytes: whole(value) })} />
        </div>
        {save.error && <Wrong error={save.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={save.isPending} disabled={!readable(parameters).value}>{t("do.save")}</Button></Group>
      </Stack>
    </form>
  );
}
