// Which models answer for chatbots that name none, and in which order.

import { Badge, Button, Group, NativeSelect, Stack, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Empty, Section, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

type Place = Pick<Schemas["ModelPlace"], "provider_id" | "provider_name" | "kind" | "model" | "context_tokens" | "problem">;

const same = (one: Place, other: Place) => (one.provider_id ?? null) === (other.provider_id ?? null) && one.kind === other.kind && one.model === other.model;

/** What could have a place. */
function choices(told: Schemas["InstallationModels"], providers: Schemas["ModelProvider"][]): Place[] {
  return [
    ...told.from_settings.map(({ kind, model }) => ({ provider_id: null, kind, model })),
    ...providers.flatMap(({ id, name, kind, models }) => models.map((model) => ({ provider_id: id, provider_name: name, kind, model }))),
  ];
}

export function Order({ told, providers }: { told: Schemas["InstallationModels"]; providers: Schemas["ModelProvider"][] }) {
  const { t, word } = useTexts();
  const [order, setOrder] = useState<Place[]>(told.models);
  const [changed, setChanged] = useState(false);
  const [chosen, setChosen] = useState("");
  // What somebody else changes is shown, unless something is being changed here.
  useEffect(() => { if (!changed) setOrder(told.models); }, [told, changed]);
  const save = useAct(async (models: Place[]) => ask(api.PUT("/api/administration/models", {
    body: { models: models.map(({ provider_id, kind, model, context_tokens }) => ({ provider_id: provider_id ?? null, kind, model, context_tokens: context_tokens ?? null })) },
  })), ["admin", "models"]);
  const keep = (models: Place[]) => save.mutate(models, { onSuccess: () => setChanged(false) });
  const set = (next: Place[]) => { setOrder(next); setChanged(true); };
  const move = (from: number, to: number) => { const next = [...order]; next.splice(to, 0, ...next.splice(from, 1)); set(next); };
  const whose = (place: Place) => place.provider_name ?? (place.provider_id ? word("provider", place.kind) : t("models.file"));
  const left = choices(told, providers).filter((choice) => !order.some((place) => same(place, choice)));
  const found = left[Number(chosen)] ?? left[0];
  return (
    <Section title={t("models.order")} note={t("models.orderNote")}>
      <Stack>
        {told.is_from_settings && !changed && <Text size="sm">{t(told.models.length ? "models.isFile" : "models.quotes")}</Text>}
        {order.length === 0 ? <Empty title={t("models.none")}>{t("models.noneHint")}</Empty> : (
          <Stack component="ol" gap="sm" p={0} m={0} style={{ listStyle: "none" }} aria-label={t("models.order")}>
            {order.map((place, at) => (
              <li key={`${place.provider_id} ${place.kind} ${place.model}`} className="item">
                <Group justify="space-between" gap="xs">
                  <div style={{ minWidth: 0 }}>
                    <Group gap="xs"><Text size="sm" fw={600} className="words">{at + 1}. {place.model}</Text>{place.problem && <Badge color="orange">{t(`models.${place.problem as "gone"}`)}</Badge>}</Group>
                    <Text size="xs" c="dimmed" className="words">{word("provider", place.kind)} · {whose(place)}</Text>
                  </div>
                  <Group gap="xs">
                    <Button size="xs" variant="default" disabled={at === 0} onClick={() => move(at, at - 1)} aria-label={`${t("models.up")}: ${place.model}`}>↑</Button>
                    <Button size="xs" variant="default" disabled={at === order.length - 1} onClick={() => move(at, at + 1)} aria-label={`${t("models.down")}: ${place.model}`}>↓</Button>
                    <Button size="xs" variant="default" onClick={() => set(order.filter((_, other) => other !== at))} aria-label={`${t("do.remove")}: ${place.model}`}>{t("do.remove")}</Button>
                  </Group>
                </Group>
              </li>
            ))}
          </Stack>
        )}
        {found && (
          <Group align="flex-end" gap="xs">
            <NativeSelect label={t("models.addTo")} value={chosen} onChange={(event) => setChosen(event.currentTarget.value)} style={{ flex: "1 1 220px" }}
              data={left.map((choice, at) => ({ value: String(at), label: `${choice.model} (${whose(choice)})` }))} />
            <Button variant="default" onClick={() => { set([...order, found]); setChosen(""); }}>{t("models.add")}</Button>
          </Group>
        )}
        {save.error && <Wrong error={save.error} />}
        <Group gap="sm">
          <Button onClick={() => keep(order)} loading={save.isPending} disabled={!changed}>{t("do.save")}</Button>
          {changed && <Button variant="default" onClick={() => setChanged(false)}>{t("do.cancel")}</Button>}
          {!told.is_from_settings && !changed && <Button variant="default" onClick={() => keep([])}>{t("models.asFile")}</Button>}
          {save.isSuccess && !changed && <Text size="sm" role="status">{t("models.saved")}</Text>}
        </Group>
      </Stack>
    </Section>
  );
}
