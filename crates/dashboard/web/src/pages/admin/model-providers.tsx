// Providers of models: set up, tried, turned off, and how their calls fare.

import { Badge, Button, Group, Modal, SegmentedControl, Stack, Table, Text, Title } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Confirm, Empty, Section, Shown, State, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";
import { KeyForm, ProviderForm } from "./provider-form";
import { ProviderTest } from "./provider-test";

type Provider = Schemas["ModelProvider"];
const STALE = [["admin", "model-providers"], ["admin", "models"]];

function Use({ of, window }: { of: Provider; window: string }) {
  const { t, number } = useTexts();
  const uses = window === "day" ? of.last_day : of.last_hour;
  const long = (milliseconds: number) => (milliseconds < 1000
    ? number(milliseconds, { style: "unit", unit: "millisecond", maximumSignificantDigits: 3 })
    : number(milliseconds / 1000, { style: "unit", unit: "second", maximumSignificantDigits: 3 }));
  if (!uses.length) return <Text size="sm" c="dimmed">{t("models.unused")}</Text>;
  return (
    <Table.ScrollContainer minWidth={380}>
      <Table verticalSpacing={4} aria-label={t("models.useOf", { name: of.name })}>
        <Table.Thead><Table.Tr><Table.Th>{t("record.model")}</Table.Th><Table.Th ta="right">{t("models.calls")}</Table.Th><Table.Th>{t("speed.failed")}</Table.Th><Table.Th ta="right">p50</Table.Th><Table.Th ta="right">p95</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{uses.map((use) => (
          <Table.Tr key={use.model}>
            <Table.Td className="words">{use.model}</Table.Td><Table.Td ta="right">{number(use.calls)}</Table.Td>
            <Table.Td><Badge color={use.failed ? "red" : "green"}>{number(use.failed)} · {number(use.failed / use.calls, { style: "percent", maximumFractionDigits: 1 })}</Badge></Table.Td>
            <Table.Td ta="right">{long(use.p50)}</Table.Td><Table.Td ta="right">{long(use.p95)}</Table.Td>
          </Table.Tr>
        ))}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function One({ of, window, onOpen }: { of: Provider; window: string; onOpen: (what: Opened) => void }) {
  const { t, word, ago } = useTexts();
  const path = { provider_id: of.id };
  const turn = useAct(async (enabled: boolean) => ask(api.PUT("/api/administration/model-providers/{provider_id}", {
    params: { path }, body: { name: of.name, base_url: of.base_url, models: of.models, enabled },
  })), ...STALE);
  const named = (text: string) => `${text}: ${of.name}`;
  return (
    <Stack gap="xs" className="item" component="article" aria-label={of.name}>
      <Group justify="space-between" align="flex-start" gap="xs">
        <div style={{ minWidth: 0 }}>
          <Group gap="xs"><Title order={3} size="h5" className="words">{of.name}</Title><State value={of.enabled ? "active" : "off"} /></Group>
          <Text size="xs" c="dimmed" className="words">{word("provider", of.kind)}{of.base_url && ` · ${of.base_url}`}</Text>
        </div>
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => onOpen({ what: "test", of })} aria-label={named(t("models.test"))}>{t("models.test")}</Button>
          <Button size="xs" variant="default" onClick={() => onOpen({ what: "edit", of })} aria-label={named(t("do.edit"))}>{t("do.edit")}</Button>
          <Button size="xs" variant="default" loading={turn.isPending} onClick={() => turn.mutate(!of.enabled)} aria-label={named(t(of.enabled ? "models.off" : "models.on"))}>{t(of.enabled ? "models.off" : "models.on")}</Button>
          <Button size="xs" variant="default" onClick={() => onOpen({ what: "delete", of })} aria-label={named(t("do.delete"))}>{t("do.delete")}</Button>
        </Group>
      </Group>
      {turn.error && <Wrong error={turn.error} />}
      <Text size="sm" className="words">{t("models.models")}: {of.models.join(", ")}</Text>
      <Group gap="xs">
        <Text size="sm">{t("models.keys")}:</Text>
        {of.keys.length === 0 && <Text size="sm" c="dimmed">{t("models.noKeys")}</Text>}
        {of.keys.map((key) => (
          <Group key={key.id} gap={4}>
            <Badge color="gray" title={t("keys.made", { ago: ago(key.created_at) })} tt="none">{key.name}</Badge>
            <Button size="compact-xs" variant="default" onClick={() => onOpen({ what: "deleteKey", of, key })} aria-label={`${t("do.remove")}: ${of.name}, ${key.name}`}>{t("do.remove")}</Button>
          </Group>
        ))}
        <Button size="compact-xs" variant="default" onClick={() => onOpen({ what: "key", of })} aria-label={named(t("models.addKey"))}>{t("models.addKey")}</Button>
      </Group>
      <Use of={of} window={window} />
    </Stack>
  );
}

type Opened = { what: "new" } | { what: "edit" | "key" | "test" | "delete"; of: Provider } | { what: "deleteKey"; of: Provider; key: Schemas["ProviderKey"] };

export function Providers({ of: providers }: { of: UseQueryResult<{ items: Provider[] }, Error> }) {
  const { t } = useTexts();
  const [window, setWindow] = useState("hour");
  const [opened, open] = useState<Opened | null>(null);
  const close = () => open(null);
  const remove = useAct((provider_id: string) => ask(api.DELETE("/api/administration/model-providers/{provider_id}", { params: { path: { provider_id } } })), ...STALE);
  const removeKey = useAct(({ provider_id, key_id }: { provider_id: string; key_id: string }) => ask(api.DELETE("/api/administration/model-providers/{provider_id}/keys/{key_id}", { params: { path: { provider_id, key_id } } })), ...STALE);
  const title = { new: "models.newProvider", edit: "models.edit", key: "models.addKey", test: "models.test" } as const;
  const form = opened && opened.what in title ? opened : null;
  return (
    <Section title={t("models.providers")} note={t("models.providersNote")} action={<Group gap="xs"><SegmentedControl size="xs" aria-label={t("speed.window")} value={window} onChange={setWindow} data={[{ value: "hour", label: t("speed.hour") }, { value: "day", label: t("speed.day") }]} /><Button size="xs" onClick={() => open({ what: "new" })}>{t("models.newProvider")}</Button></Group>}>
      <Shown of={providers}>
        {({ items }) => (items.length
          ? <Stack>{items.map((one) => <One key={one.id} of={one} window={window} onOpen={open} />)}</Stack>
          : <Empty title={t("models.noProviders")}>{t("models.noProvidersHint")}</Empty>)}
      </Shown>
      <Modal opened={form !== null} onClose={close} title={form && t(title[form.what as keyof typeof title])} closeButtonProps={{ "aria-label": t("do.close") }}>
        {opened?.what === "new" && <ProviderForm onClose={close} />}
        {opened?.what === "edit" && <ProviderForm of={opened.of} onClose={close} />}
        {opened?.what === "key" && <KeyForm of={opened.of} onClose={close} />}
        {opened?.what === "test" && <ProviderTest of={opened.of} onClose={close} />}
      </Modal>
      <Confirm opened={opened?.what === "delete"} onClose={close} title={t("models.deleteTitle")} action={t("do.delete")} onConfirm={async () => opened?.what === "delete" && remove.mutateAsync(opened.of.id)}>{t("models.deleteWhat", { name: opened?.what === "delete" ? opened.of.name : "" })}</Confirm>
      <Confirm opened={opened?.what === "deleteKey"} onClose={close} title={t("models.deleteKeyTitle")} action={t("do.remove")} onConfirm={async () => opened?.what === "deleteKey" && removeKey.mutateAsync({ provider_id: opened.of.id, key_id: opened.key.id })}>{t("models.deleteKeyWhat", { name: opened?.what === "deleteKey" ? opened.key.name : "" })}</Confirm>
    </Section>
  );
}
