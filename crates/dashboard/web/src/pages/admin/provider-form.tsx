import { Button, Group, NativeSelect, PasswordInput, Stack, TextInput, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { PROVIDERS } from "../../parts/endpoint";
import { Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

type Provider = Schemas["ModelProvider"];
const STALE = [["admin", "model-providers"], ["admin", "models"]];

const lines = (text: string) => text.split("\n").map((line) => line.trim()).filter(Boolean);

export function ProviderForm({ of, onClose }: { of?: Provider; onClose: () => void }) {
  const { t, word } = useTexts();
  const [name, setName] = useState(of?.name ?? "");
  const [kind, setKind] = useState(of?.kind ?? "openai");
  const [url, setUrl] = useState(of?.base_url ?? "");
  const [models, setModels] = useState(of?.models.join("\n") ?? "");
  const [key, setKey] = useState("");
  const save = useAct(async () => {
    const body = { name, base_url: url, models: lines(models) };
    if (of) return ask(api.PUT("/api/administration/model-providers/{provider_id}", { params: { path: { provider_id: of.id } }, body: { ...body, enabled: of.enabled } }));
    return ask(api.POST("/api/administration/model-providers", { body: { ...body, kind, keys: key ? [{ name: t("models.firstKey"), key }] : [] } }));
  }, ...STALE);
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined, { onSuccess: onClose }); }}>
      <Stack>
        <TextInput label={t("col.name")} description={t("models.nameHint")} required maxLength={100} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
        <NativeSelect label={t("model.provider")} disabled={Boolean(of)} value={kind} onChange={(event) => setKind(event.currentTarget.value)} data={PROVIDERS.map((value) => ({ value, label: word("provider", value) }))} />
        <TextInput label={t("model.url")} description={t(of ? "models.urlMoves" : "models.urlHint")} type="url" required={kind === "openai_compatible"} value={url} onChange={(event) => setUrl(event.currentTarget.value)} />
        <Textarea label={t("models.models")} description={t("models.modelsHint")} required autosize minRows={2} value={models} onChange={(event) => setModels(event.currentTarget.value)} />
        {!of && <PasswordInput label={t("model.key")} description={t("models.keyHint")} autoComplete="off" value={key} onChange={(event) => setKey(event.currentTarget.value)} visibilityToggleButtonProps={{ "aria-label": t("field.visible") }} />}
        {save.error && <Wrong error={save.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={save.isPending}>{t("do.save")}</Button></Group>
      </Stack>
    </form>
  );
}

export function KeyForm({ of, onClose }: { of: Provider; onClose: () => void }) {
  const { t } = useTexts();
  const [name, setName] = useState("");
  const [key, setKey] = useState("");
  const add = useAct(async () => ask(api.POST("/api/administration/model-providers/{provider_id}/keys", { params: { path: { provider_id: of.id } }, body: { name, key } })), ...STALE);
  return (
    <form onSubmit={(event) => { event.preventDefault(); add.mutate(undefined, { onSuccess: onClose }); }}>
      <Stack>
        <TextInput label={t("col.name")} description={t("models.keyName")} required maxLength={100} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
        <PasswordInput label={t("model.key")} description={t("model.keyHint")} required autoComplete="off" value={key} onChange={(event) => setKey(event.currentTarget.value)} visibilityToggleButtonProps={{ "aria-label": t("field.visible") }} />
        {add.error && <Wrong error={add.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={add.isPending}>{t("models.addKey")}</Button></Group>
      </Stack>
    </form>
  );
}
