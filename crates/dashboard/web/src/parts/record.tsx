// How an answer came to be.

import { Accordion, Badge, Group, Stack, Table, Text } from "@mantine/core";
import type { Schemas } from "../api/client";
import { useTexts } from "../texts";
import { External, Meter } from "./state";

export interface Passage {
  chunk?: string;
  text: string;
  title: string;
  url?: string | null;
  score: number;
  signals?: Record<string, number | null>;
}

export function Record({ answer }: { answer: Schemas["Answer"] }) {
  const { t, number, word } = useTexts();
  const passages = answer.passages as unknown as Passage[];
  const path = answer.path as unknown as { model?: string; task?: string; outcome?: string; milliseconds?: number }[];
  const stages = Object.entries(answer.stages as globalThis.Record<string, number>);
  const done = (step: (typeof path)[number]) => (step.task === "restate" && step.outcome === "answered" ? t("record.restated") : (step.outcome ?? ""));
  const rows: [string, string][] = [
    ...(answer.searched_for ? [[t("record.searchedFor"), answer.searched_for] as [string, string]] : []),
    [t("record.model"), answer.model === "extractive" ? t("record.quoted") : answer.model],
    ...(answer.tokens_in != null ? [[t("record.tokens"), `${number(answer.tokens_in)} → ${number(answer.tokens_out ?? 0)}`] as [string, string]] : []),
    ...(answer.cost_usd != null ? [[t("record.cost"), number(answer.cost_usd, { style: "currency", currency: "USD", maximumFractionDigits: 5 })] as [string, string]] : []),
    ...stages.map(([stage, time]) => [word("stage", stage), `${number(Math.round(time))} ms`] as [string, string]),
  ];
  return (
    <Stack gap="sm">
      <Group gap="xs">{answer.fallback ? <Badge color="orange">{word("fallback", answer.fallback)}</Badge> : <Badge color="green">{t("record.answered")}</Badge>}</Group>
      {answer.error && <Text size="sm" c="var(--mantine-color-error)" className="words">{answer.error}</Text>}
      <Table withRowBorders={false} verticalSpacing={2} aria-label={t("record.title")}>
        <Table.Tbody>{rows.map(([name, value]) => <Table.Tr key={name}><Table.Th fw={500}>{name}</Table.Th><Table.Td className="words">{value}</Table.Td></Table.Tr>)}</Table.Tbody>
      </Table>
      {path.length > 1 && <Text size="sm">{t("record.path")}: {path.map((step) => `${step.model ?? "?"} (${done(step)})`).join(" → ")}</Text>}
      <Text fw={600} size="sm">{t("record.passages", { count: passages.length })}</Text>
      {!passages.length && <Text size="sm" c="dimmed">{t("record.noPassages")}</Text>}
      {passages.length > 0 && (
        <Accordion variant="separated">
          {passages.map((passage, at) => (
            <Accordion.Item key={passage.chunk ?? at} value={String(at)}>
              <Accordion.Control><Group justify="space-between" wrap="nowrap" pr="sm"><Text size="sm" fw={600} truncate>{passage.title}</Text><Text size="xs" ff="monospace">{number(passage.score, { maximumFractionDigits: 3 })}</Text></Group></Accordion.Control>
              <Accordion.Panel>
                <Stack gap="xs">
                  <Text size="sm" className="words">{passage.text}</Text>
                  {passage.url && <External href={passage.url}>{passage.url}</External>}
                  {passage.signals?.coverage != null && <Meter label={t("score.coverage")} value={passage.signals.coverage} />}
                  {passage.signals?.cosine != null && <Meter label={t("score.meaning")} value={passage.signals.cosine} />}
                </Stack>
              </Accordion.Panel>
            </Accordion.Item>
          ))}
        </Accordion>
      )}
    </Stack>
  );
}
