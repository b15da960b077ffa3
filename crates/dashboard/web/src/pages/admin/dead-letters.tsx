// What could not be answered or delivered, and bringing it back: one, or those of an integration or a time.

import { Alert, Button, Group, Stack, Table, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { ChoiceFilter, Filters, useFilters } from "../../parts/filters";
import { Paged, usePaged } from "../../parts/paged";
import { Actions, Confirm, Empty, Section, Shown } from "../../parts/state";
import { useTexts } from "../../texts";
import { useTitled, WorkspaceFilter } from "./shared";

type Letter = Schemas["OwnedDeadLetter"];

function useKinds() {
  const { t } = useTexts();
  return (kind: string) => (kind === "part" || kind === "turn" ? t(`letters.${kind}`) : kind);
}

function Several({ integration, onReplay }: { integration?: string; onReplay: (which: Schemas["Replay"]) => void }) {
  const { t } = useTexts();
  const [from, setFrom] = useState("");
  const [until, setUntil] = useState("");
  const moment = (local: string) => (local ? new Date(local).toISOString() : null);
  const replay = () => onReplay({ integration_id: integration ?? null, from: moment(from), until: moment(until) });
  return (
    <form aria-label={t("letters.replayAll")} onSubmit={(event) => { event.preventDefault(); replay(); }}>
      <Group align="flex-end" gap="sm">
        <TextInput type="datetime-local" step={1} label={t("letters.from")} value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
        <TextInput type="datetime-local" step={1} label={t("letters.until")} value={until} onChange={(event) => setUntil(event.currentTarget.value)} />
        <Button type="submit" variant="default" disabled={!integration && !from && !until}>{t("letters.replayAll")}</Button>
      </Group>
      <Text size="xs" c="dimmed" mt={6}>{t("letters.replayHint")}</Text>
    </form>
  );
}

export function DeadLetters() {
  const { t, time, number } = useTexts();
  const kindOf = useKinds();
  const titled = useTitled();
  const { chosen, set } = useFilters(["workspace_id", "integration_id"]);
  const [asked, setAsked] = useState<{ which: Schemas["Replay"] } | { one: Letter } | null>(null);
  const letters = usePaged(["admin", "dead-letters", chosen], (after) => ask(api.GET("/api/administration/dead-letters/open", { params: { query: { ...chosen, after } } })), 10_000);
  const replay = useAct((asked: { which: Schemas["Replay"] } | { one: Letter }) => ("one" in asked
    ? ask(api.POST("/api/administration/dead-letters/{dead_letter_id}/replay", { params: { path: { dead_letter_id: asked.one.id } } }))
    : ask(api.POST("/api/administration/dead-letters/replay", { body: asked.which }))), ["admin"]);
  const single = asked && "one" in asked ? asked.one : null;
  const all = letters.data?.pages.flatMap((page) => page.items) ?? [];
  const named = ({ platform, workspace_name }: Letter) => [platform && titled(platform), workspace_name].filter(Boolean).join(", ");
  const integrations = new Map(all.flatMap((letter) => (letter.integration_id ? [[letter.integration_id, `${named(letter)} · ${letter.integration_id.slice(-6)}`]] : [])));
  return (
    <Section title={t("letters.title")} note={t("letters.note")}>
      <Filters>
        <WorkspaceFilter value={chosen.workspace_id} onChange={(value) => set("workspace_id", value)} />
        <ChoiceFilter label={t("letters.integration")} value={chosen.integration_id} onChange={(value) => set("integration_id", value)} options={[...integrations].map(([value, label]) => ({ value, label }))} />
      </Filters>
      {replay.data && <Alert color="green" mb="sm" role="status">{t("letters.done", { parts: number(replay.data.parts), messages: number(replay.data.messages) })}</Alert>}
      <Paged of={letters} empty={<Empty title={t("letters.none")}>{t("letters.noneHint")}</Empty>}>
        {(items) => (
          <Stack>
            <Several integration={chosen.integration_id} onReplay={(which) => setAsked({ which })} />
            <Table.ScrollContainer minWidth={820}>
              <Table verticalSpacing="xs" aria-label={t("letters.title")}>
                <Table.Thead><Table.Tr><Table.Th>{t("letters.what")}</Table.Th><Table.Th>{t("letters.reason")}</Table.Th><Table.Th>{t("letters.of")}</Table.Th><Table.Th>{t("col.when")}</Table.Th><Actions /></Table.Tr></Table.Thead>
                <Table.Tbody>{items.map((letter) => (
                  <Table.Tr key={letter.id}>
                    <Table.Td><Text size="sm">{kindOf(letter.kind)}</Text>{letter.may_have_arrived && <Text size="xs" c="dimmed">{t("letters.arrived")}</Text>}</Table.Td>
                    <Table.Td><Text size="sm" className="words">{letter.reason}</Text></Table.Td>
                    <Table.Td><Text size="sm" className="words">{named(letter) || "–"}</Text></Table.Td>
                    <Table.Td><Text size="sm" style={{ whiteSpace: "nowrap" }}>{time(letter.created_at)}</Text></Table.Td>
                    <Table.Td>{letter.integration_id && letter.workspace_id && (
                      <Group gap="xs" justify="flex-end" wrap="nowrap">
                        <Button size="xs" variant="default" onClick={() => set("integration_id", letter.integration_id ?? "")} aria-label={`${t("letters.only")}: ${integrations.get(letter.integration_id)}`}>{t("letters.only")}</Button>
                        <Button size="xs" variant="default" onClick={() => setAsked({ one: letter })} aria-label={`${t("letters.replay")}: ${letter.reason}, ${time(letter.created_at)}`}>{t("letters.replay")}</Button>
                      </Group>
                    )}</Table.Td>
                  </Table.Tr>
                ))}</Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </Stack>
        )}
      </Paged>
      <Confirm opened={asked !== null} onClose={() => setAsked(null)} title={t(single ? "letters.oneTitle" : "letters.allTitle")} action={t("letters.replay")} onConfirm={async () => asked && replay.mutateAsync(asked)}>
        {single ? t("letters.oneWhat", { what: kindOf(single.kind) }) : t("letters.allWhat")}
      </Confirm>
    </Section>
  );
}

/** Messages of queues that nobody could read; usually there are none, and then nothing is said of them. */
export function Unread() {
  const { t, time } = useTexts();
  const unread = useQuery({ queryKey: ["admin", "unread"], refetchInterval: 10_000, queryFn: () => ask(api.GET("/api/administration/dead-letters")) });
  if (unread.data && !unread.data.items.length) return null;
  return (
    <Section title={t("letters.unread")} note={t("letters.unreadNote")}>
      <Shown of={unread}>
        {({ items }) => (
          <Table verticalSpacing="xs" aria-label={t("letters.unread")}>
            <Table.Thead><Table.Tr><Table.Th>{t("admin.queue")}</Table.Th><Table.Th>{t("letters.reason")}</Table.Th><Table.Th>{t("col.when")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{items.map((letter) => <Table.Tr key={letter.id}><Table.Td className="words">{letter.kind}</Table.Td><Table.Td className="words">{letter.reason}</Table.Td><Table.Td>{time(letter.created_at)}</Table.Td></Table.Tr>)}</Table.Tbody>
          </Table>
        )}
      </Shown>
    </Section>
  );
}
