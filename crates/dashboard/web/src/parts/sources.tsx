// What a chatbot knows, and how far reading it is.

import { Button, Group, Progress, Stack, Table, Text } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Schemas } from "../api/client";
import { useTexts } from "../texts";
import { useAct } from "./act";
import { Actions, Confirm, State, Wrong } from "./state";

type Source = Schemas["Source"];

/** How far it is, where that can be told. */
function Progressing({ source }: { source: Source }) {
  const { t, number } = useTexts();
  const busy = source.state === "pending" || source.state === "indexing";
  if (busy && source.pages > 0) {
    const read = source.pages - source.pages_due;
    return (
      <Stack gap={4}>
        <Progress value={(100 * read) / source.pages} aria-label={source.title} animated />
        <Text size="xs" c="dimmed">{t("source.pagesRead", { read: number(read), pages: number(source.pages) })}</Text>
      </Stack>
    );
  }
  if (source.error) return <Text size="sm" c="var(--mantine-color-error)" className="words">{source.error}</Text>;
  if (busy) return <Text size="sm" c="dimmed">{t("source.reading")}</Text>;
  const all = source.passages_with_meaning >= source.passages;
  return (
    <Text size="sm">
      {t("source.passages", { passages: number(source.passages), documents: number(source.documents) })}
      {!all && ` · ${t("source.meaning", { count: number(source.passages_with_meaning) })}`}
    </Text>
  );
}

export function Sources({ chatbot, sources, onOpen }: { chatbot: string; sources: Source[]; onOpen?: (source: Source) => void }) {
  const { t, word, ago } = useTexts();
  const [gone, setGone] = useState<Source | null>(null);
  const at = (source: Source) => ({ params: { path: { chatbot_id: chatbot, source_id: source.id } } });
  const stale = [["sources", chatbot], ["knowledge", chatbot]];
  const retry = useAct((source: Source) => ask(api.POST("/api/chatbots/{chatbot_id}/sources/{source_id}/retry", at(source))), ...stale);
  const refresh = useAct((source: Source) => ask(api.POST("/api/chatbots/{chatbot_id}/sources/{source_id}/refresh", at(source))), ...stale);
  const remove = useAct((source: Source) => ask(api.DELETE("/api/chatbots/{chatbot_id}/sources/{source_id}", at(source))), ...stale);
  return (
    <>
      {[retry.error, refresh.error].map((error, at) => error && <Wrong key={at} error={error} />)}
      <Table.ScrollContainer minWidth={620}>
        <Table verticalSpacing="sm" aria-label={t("knowledge.sources")}>
          <Table.Thead><Table.Tr><Table.Th>{t("source.title")}</Table.Th><Table.Th>{t("col.state")}</Table.Th><Table.Th>{t("col.content")}</Table.Th><Table.Th>{t("col.changed")}</Table.Th><Actions /></Table.Tr></Table.Thead>
          <Table.Tbody>
            {sources.map((source) => (
              <Table.Tr key={source.id}>
                <Table.Td miw={140}><Text fw={600} size="sm" className="words">{source.title}</Text><Text size="xs" c="dimmed">{word("kind", source.kind)}</Text></Table.Td>
                <Table.Td><State value={source.state} /></Table.Td>
                <Table.Td><Progressing source={source} /></Table.Td>
                <Table.Td><Text size="sm" c="dimmed">{ago(source.updated_at)}</Text></Table.Td>
                <Table.Td>
                  <Group gap="xs" justify="flex-end" wrap="nowrap">
                    {onOpen && source.state === "ready" && <Button size="xs" variant="default" onClick={() => onOpen(source)} aria-label={`${t("source.open")}: ${source.title}`}>{t("source.open")}</Button>}
                    {source.state === "failed" && <Button size="xs" variant="default" onClick={() => retry.mutate(source)} aria-label={`${t("do.retry")}: ${source.title}`}>{t("do.retry")}</Button>}
                    {source.state === "ready" && source.kind === "site" && <Button size="xs" variant="default" onClick={() => refresh.mutate(source)} aria-label={`${t("source.again")}: ${source.title}`}>{t("source.again")}</Button>}
                    <Button size="xs" variant="default" onClick={() => setGone(source)} aria-label={`${t("do.delete")}: ${source.title}`}>{t("do.delete")}</Button>
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Confirm opened={gone !== null} onClose={() => setGone(null)} title={t("source.deleteTitle")} action={t("do.delete")} onConfirm={async () => gone && remove.mutateAsync(gone)}>
        {t("source.deleteWhat", { title: gone?.title ?? "", passages: gone?.passages ?? 0 })}
      </Confirm>
    </>
  );
}
