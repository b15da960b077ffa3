// Where a model is asked, and with which key.

import { Button, Checkbox, Fieldset, Group, NativeSelect, NumberInput, PasswordInput, Stack, TextInput } from "@mantine/core";
import type { Schemas } from "../api/client";
import { useTexts } from "../texts";

export const PROVIDERS = ["openai", "anthropic", "gemini", "ollama", "openai_compatible"];

export interface Endpoint {
  provider: string;
  model: string;
  base_url: string;
  /** Empty: the stored one stays. */
  key: string;
  shown: string | null;
  removeKey: boolean;
  seconds: string | number;
  context: string | number;
}

export const blank: Endpoint = { provider: "openai", model: "", base_url: "", key: "", shown: null, removeKey: false, seconds: 30, context: "" };

export function endpointOf(model: Schemas["Model"]): Endpoint {
  return { provider: model.provider, model: model.model, base_url: model.base_url, key: "", shown: model.api_key ?? null, removeKey: false, seconds: model.time_limit_seconds, context: model.context_tokens ?? "" };
}

export function inputOf(endpoint: Endpoint): Schemas["ModelInput"] {
  return {
    provider: endpoint.provider, model: endpoint.model, time_limit_seconds: Number(endpoint.seconds) || null,
    ...(endpoint.base_url && { base_url: endpoint.base_url }), ...(endpoint.context !== "" && { context_tokens: Number(endpoint.context) }),
    ...(endpoint.removeKey ? { api_key: null } : endpoint.key && { api_key: endpoint.key }),
  };
}

export function EndpointFields({ value, onChange, legend, onRemove }: { value: Endpoint; onChange: (next: Endpoint) => void; legend: string; onRemove?: () => void }) {
  const { t, word } = useTexts();
  const set = (change: Partial<Endpoint>) => onChange({ ...value, ...change });
  return (
    <Fieldset legend={legend}>
      <Stack gap="sm">
        <div className="split">
          <NativeSelect label={t("model.provider")} value={value.provider} onChange={(event) => set({ provider: event.currentTarget.value, base_url: "" })} data={PROVIDERS.map((provider) => ({ value: provider, label: word("provider", provider) }))} />
          <TextInput label={t("model.model")} required value={value.model} onChange={(event) => set({ model: event.currentTarget.value })} />
        </div>
        <TextInput label={t("model.url")} description={t("model.urlHint")} type="url" required={value.provider === "openai_compatible"} value={value.base_url} onChange={(event) => set({ base_url: event.currentTarget.value })} />
        <PasswordInput label={t("model.key")} description={value.shown ? t("model.keyKept", { shown: value.shown }) : t("model.keyHint")} autoComplete="off" disabled={value.removeKey} value={value.key} onChange={(event) => set({ key: event.currentTarget.value })}
          visibilityToggleButtonProps={{ "aria-label": t("field.visible") }} />
        {value.shown && <Checkbox label={t("model.keyRemove")} checked={value.removeKey} onChange={(event) => set({ removeKey: event.currentTarget.checked })} />}
        <div className="split">
          <NumberInput label={t("model.seconds")} min={1} max={120} value={value.seconds} onChange={(seconds) => set({ seconds })} />
          <NumberInput label={t("model.context")} min={1500} value={value.context} onChange={(context) => set({ context })} />
        </div>
        {onRemove && <Group><Button size="xs" variant="default" onClick={onRemove}>{t("do.remove")}</Button></Group>}
      </Stack>
    </Fieldset>
  );
}
