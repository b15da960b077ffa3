import { Alert, Button, Group, NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

/** Asks one question with each key, and says what came of it. */
export function ProviderTest({ of, onClose }: { of: Schemas["ModelProvider"]; onClose: () => void }) {
  const { t, number } = useTexts();
  const [model, setModel] = useState(of.models[0] ?? "");
  const test = useAct(async () => ask(api.POST("/api/administration/model-providers/{provider_id}/test", { params: { path: { provider_id: of.id } }, body: { model } })));
  return (
    <form onSubmit={(event) => { event.preventDefault(); test.mutate(undefined); }}>
      <Stack>
        <NativeSelect label={t("model.model")} description={t("models.testHint")} value={model} onChange={(event) => setModel(event.currentTarget.value)} data={of.models} data-autofocus />
        <Stack gap="xs" role="status">
          {test.data?.results.map((result) => (
            <Alert key={result.key_id ?? "none"} color={result.works ? "green" : "red"} title={`${result.key_name ?? t("models.withoutKey")}: ${t(result.works ? "models.works" : "models.fails")}`}>
              <Text size="sm" className="words">{result.problem ?? t("models.took", { seconds: number(result.milliseconds / 1000, { maximumFractionDigits: 1 }) })}</Text>
            </Alert>
          ))}
        </Stack>
        {test.error && <Wrong error={test.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.close")}</Button><Button type="submit" loading={test.isPending}>{t("models.test")}</Button></Group>
      </Stack>
    </form>
  );
}
