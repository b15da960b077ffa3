import "@mantine/charts/styles.css";
import { LineChart } from "@mantine/charts";
import { Badge, Button, Checkbox, Group, Modal, Stack, Table, TagsInput, Text, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useIsLive } from "../../api/live";
import { useAct } from "../../parts/act";
import { Changes } from "../../parts/changes";
import { Paged, usePaged } from "../../parts/paged";
import { Actions, Confirm, Empty, Section, Shown, State, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

type Bot = Schemas["Chatbot"];

function Question({ bot, onClose }: { bot: Bot; onClose: () => void }) {
  const { t } = useTexts();
  const [question, setQuestion] = useState("");
  const [refused, setRefused] = useState(false);
  const [words, setWords] = useState<string[]>([]);
  const [source, setSource] = useState("");
  const save = useAct(
    async () => ask(api.POST("/api/chatbots/{chatbot_id}/golden-questions", { params: { path: { chatbot_id: bot.id } }, body: { question, refused, words: refused ? [] : words, source: (!refused && source) || null } })),
    ["golden", bot.id],
  );
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined, { onSuccess: onClose }); }}>
      <Stack>
        <TextInput label={t("source.question")} required value={question} onChange={(event) => setQuestion(event.currentTarget.value)} data-autofocus />
        <Checkbox label={t("golden.refused")} checked={refused} onChange={(event) => setRefused(event.currentTarget.checked)} />
        {!refused && <TextInput label={t("golden.source")} description={t("golden.sourceHint")} value={source} onChange={(event) => setSource(event.currentTarget.value)} />}
        {!refused && <TagsInput label={t("golden.words")} description={t("golden.wordsHint")} value={words} onChange={setWords} />}
        {save.error && <Wrong error={save.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={save.isPending}>{t("do.save")}</Button></Group>
      </Stack>
    </form>
  );
}

function Golden({ bot }: { bot: Bot }) {
  const { t } = useTexts();
  const [adding, setAdding] = useState(false);
  const [gone, setGone] = useState<Schemas["GoldenQuestion"] | null>(null);
  const path = { chatbot_id: bot.id };
  const questions = usePaged(["golden", bot.id], (after) => ask(api.GET("/api/chatbots/{chatbot_id}/golden-questions", { params: { path, query: { limit: 50, after } } })));
  const remove = useAct((golden_id: string) => ask(api.DELETE("/api/chatbots/{chatbot_id}/golden-questions/{golden_id}", { params: { path: { ...path, golden_id } } })), ["golden", bot.id]);
  const add = <Button size="xs" variant="default" onClick={() => setAdding(true)}>{t("golden.add")}</Button>;
  return (
    <Section title={t("golden.title")} note={t("golden.note")} action={add}>
      <Paged of={questions} empty={<Empty title={t("golden.none")}>{t("golden.noneHint")}</Empty>}>
        {(items) => (
          <Table.ScrollContainer minWidth={480}>
            <Table verticalSpacing="xs" aria-label={t("golden.title")}>
              <Table.Thead><Table.Tr><Table.Th>{t("source.question")}</Table.Th><Table.Th>{t("golden.expected")}</Table.Th><Actions /></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((golden) => (
                <Table.Tr key={golden.id}>
                  <Table.Td className="words">{golden.question}</Table.Td>
                  <Table.Td><Group gap={4}>{golden.refused ? <Badge color="gray">{t("golden.refusedShort")}</Badge> : [golden.source, golden.document, golden.passage, ...golden.words].filter(Boolean).map((word) => <Badge key={word} color="gray">{word}</Badge>)}</Group></Table.Td>
                  <Table.Td><Group justify="flex-end"><Button size="xs" variant="default" onClick={() => setGone(golden)} aria-label={`${t("do.delete")}: ${golden.question}`}>{t("do.delete")}</Button></Group></Table.Td>
                </Table.Tr>
              ))}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Paged>
      <Modal opened={adding} onClose={() => setAdding(false)} title={t("golden.add")} closeButtonProps={{ "aria-label": t("do.close") }}>{adding && <Question bot={bot} onClose={() => setAdding(false)} />}</Modal>
      <Confirm opened={gone !== null} onClose={() => setGone(null)} title={t("golden.deleteTitle")} action={t("do.delete")} onConfirm={async () => gone && remove.mutateAsync(gone.id)}>{t("golden.deleteWhat", { question: gone?.question ?? "" })}</Confirm>
    </Section>
  );
}

function Results({ bot, run }: { bot: Bot; run: Schemas["TrialRun"] }) {
  const { t } = useTexts();
  const path = { chatbot_id: bot.id, run_id: run.id };
  const results = usePaged(["results", run.id, run.done], async (after) => {
    const page = await ask(api.GET("/api/chatbots/{chatbot_id}/runs/{run_id}/results", { params: { path, query: { after: after === undefined ? undefined : Number(after) } } }));
    return { items: page.items, next: page.next == null ? null : String(page.next) };
  });
  return (
    <Paged of={results} empty={<Text size="sm">{t("runs.noResults")}</Text>}>
      {(items) => (
        <Stack gap="sm">
          {items.map((result) => (
            <div key={result.position}>
              <Group gap="xs" wrap="nowrap" align="flex-start"><State kind="result" value={result.passed == null ? "due" : result.passed ? "done" : "failed"} /><Text size="sm" fw={600} className="words">{result.question}</Text></Group>
              {result.answer && <Text size="sm" className="words">{result.answer}</Text>}
              {result.failures.map((failure) => <Text key={failure} size="sm" c="var(--mantine-color-error)">{failure}</Text>)}
            </div>
          ))}
        </Stack>
      )}
    </Paged>
  );
}

function Runs({ bot }: { bot: Bot }) {
  const { t, time, number, word } = useTexts();
  const [open, setOpen] = useState<Schemas["TrialRun"] | null>(null);
  const path = { chatbot_id: bot.id };
  const live = useIsLive();
  const runs = useQuery({
    queryKey: ["runs", bot.id],
    queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/runs", { params: { path, query: { limit: 50 } } })),
    refetchInterval: ({ state }) => (state.data?.items.some((run) => ["due", "running"].includes(run.state)) && !live ? 1_000 : 15_000),
  });
  const start = useAct(async () => ask(api.POST("/api/chatbots/{chatbot_id}/runs", { params: { path }, body: {} })), ["runs", bot.id]);
  const cancel = useAct((run_id: string) => ask(api.POST("/api/chatbots/{chatbot_id}/runs/{run_id}/cancel", { params: { path: { ...path, run_id } } })), ["runs", bot.id]);
  const go = <Button size="xs" onClick={() => start.mutate(undefined)} loading={start.isPending}>{t("runs.start")}</Button>;
  return (
    <Section title={t("runs.title")} note={t("runs.note")} action={go}>
      {[start.error, cancel.error].map((error, at) => error && <Wrong key={at} error={error} />)}
      <Shown of={runs}>
        {({ items }) => {
          if (!items.length) return <Empty title={t("runs.none")}>{t("runs.noneHint")}</Empty>;
          const points = items.filter((run) => run.scores).toReversed().map((run) => ({
            at: time(run.created_at), hit: 100 * (run.scores?.hit_at_k ?? 0), mrr: 100 * (run.scores?.mrr ?? 0), passed: (100 * (run.scores?.passed ?? 0)) / Math.max(1, run.scores?.questions ?? 0),
          }));
          return (
            <Stack>
              {points.length > 1 && (
                <figure style={{ margin: 0 }}>
                  <LineChart h={220} data={points} dataKey="at" withLegend withDots curveType="linear" yAxisProps={{ domain: [0, 100] }} unit=" %" valueFormatter={(value) => number(value, { maximumFractionDigits: 1 })}
                    series={[{ name: "passed", label: t("runs.passed"), color: "indigo.6" }, { name: "hit", label: t("runs.hit"), color: "teal.6" }, { name: "mrr", label: "MRR", color: "orange.6" }]} />
                  <figcaption><Text size="xs" c="dimmed">{t("runs.chart")}</Text></figcaption>
                </figure>
              )}
              <Table.ScrollContainer minWidth={640}>
                <Table verticalSpacing="xs" aria-label={t("runs.title")}>
                  <Table.Thead><Table.Tr><Table.Th>{t("col.when")}</Table.Th><Table.Th>{t("col.state")}</Table.Th><Table.Th>{t("runs.passed")}</Table.Th><Table.Th>{t("runs.hit")}</Table.Th><Table.Th>MRR</Table.Th><Actions /></Table.Tr></Table.Thead>
                  <Table.Tbody>{items.map((run) => (
                    <Table.Tr key={run.id}>
                      <Table.Td><Text size="sm">{time(run.created_at)}</Text><Text size="xs" c="dimmed">{word("run", run.kind)}{run.version != null && ` · ${t("versions.one", { number: run.version })}`}</Text></Table.Td>
                      <Table.Td><State value={run.state} />{run.error && <Text size="xs" className="words">{run.error}</Text>}</Table.Td>
                      <Table.Td>{run.scores ? `${number(run.scores.passed)} / ${number(run.scores.questions)}` : `${number(run.done)} / ${number(run.questions)}`}</Table.Td>
                      <Table.Td>{run.scores ? number(run.scores.hit_at_k, { style: "percent" }) : "–"}</Table.Td>
                      <Table.Td>{run.scores ? number(run.scores.mrr, { maximumFractionDigits: 2 }) : "–"}</Table.Td>
                      <Table.Td><Group gap="xs" justify="flex-end" wrap="nowrap">
                        {["due", "running"].includes(run.state) && <Button size="xs" variant="default" onClick={() => cancel.mutate(run.id)}>{t("do.cancel")}</Button>}
                        <Button size="xs" variant="default" onClick={() => setOpen(run)} aria-label={`${t("runs.results")}: ${time(run.created_at)}`}>{t("runs.results")}</Button>
                      </Group></Table.Td>
                    </Table.Tr>
                  ))}</Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            </Stack>
          );
        }}
      </Shown>
      <Modal opened={open !== null} onClose={() => setOpen(null)} title={t("runs.results")} size="lg" closeButtonProps={{ "aria-label": t("do.close") }}>{open && <Results bot={bot} run={open} />}</Modal>
    </Section>
  );
}

function Compared({ bot, number, live }: { bot: Bot; number: number; live: number }) {
  const { t } = useTexts();
  const changes = useQuery({
    queryKey: ["changes", bot.id, number, live],
    queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/versions/{number}/changes", { params: { path: { chatbot_id: bot.id, number }, query: { to: live } } })),
  });
  return (
    <Shown of={changes}>
      {({ changes }) => <Changes changes={changes} before={t("versions.one", { number })} after={t("versions.live")} />}
    </Shown>
  );
}

function Versions({ bot }: { bot: Bot }) {
  const { t, time } = useTexts();
  const [compared, setCompared] = useState<number | null>(null);
  const [back, setBack] = useState<number | null>(null);
  const path = { chatbot_id: bot.id };
  const versions = useQuery({
    queryKey: ["versions", bot.id],
    queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/versions", { params: { path, query: { limit: 50 } } })),
    refetchInterval: ({ state }) => (state.data?.items.some((version) => version.state === "checking") ? 1_500 : 30_000),
  });
  const live = versions.data?.items.find((version) => version.state === "live")?.number ?? bot.live_version;
  const queries = useQueryClient();
  // A version that was being checked has gone live: what is shown of the chatbot elsewhere is out of date.
  useEffect(() => { if (live !== bot.live_version) void queries.invalidateQueries({ queryKey: ["chatbot", bot.id] }); }, [live, bot.live_version, bot.id, queries]);
  const publish = useAct((number: number) => ask(api.POST("/api/chatbots/{chatbot_id}/versions/{number}/publish", { params: { path: { ...path, number } }, body: {} })), ["versions", bot.id], ["chatbot", bot.id], ["retrieval", bot.id]);
  return (
    <Section title={t("versions.title")} note={t("versions.note")}>
      <Shown of={versions}>
        {({ items }) => (
          <Table.ScrollContainer minWidth={560}>
            <Table verticalSpacing="xs" aria-label={t("versions.title")}>
              <Table.Thead><Table.Tr><Table.Th>{t("versions.number")}</Table.Th><Table.Th>{t("col.state")}</Table.Th><Table.Th>{t("col.by")}</Table.Th><Actions /></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((version) => {
                const reasons = (version.worse as { reasons?: string[] } | null | undefined)?.reasons ?? [];
                return (
                  <Table.Tr key={version.number}>
                    <Table.Td><Text size="sm" fw={600}>{version.number}</Text><Text size="xs" c="dimmed">{time(version.created_at)}</Text></Table.Td>
                    <Table.Td><State value={version.state} />{reasons.map((reason) => <Text key={reason} size="xs" className="words">{reason}</Text>)}</Table.Td>
                    <Table.Td><Text size="sm" className="words">{version.email ?? t("versions.program")}</Text>{version.note && <Text size="xs" className="words">{version.note}</Text>}</Table.Td>
                    <Table.Td>{version.state !== "live" && <Group gap="xs" justify="flex-end" wrap="nowrap">
                      <Button size="xs" variant="default" onClick={() => setCompared(version.number)} aria-label={`${t("versions.compare")}: ${version.number}`}>{t("versions.compare")}</Button>
                      <Button size="xs" variant="default" onClick={() => setBack(version.number)} aria-label={`${t("versions.back")}: ${version.number}`}>{t("versions.back")}</Button>
                    </Group>}</Table.Td>
                  </Table.Tr>
                );
              })}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Shown>
      <Modal opened={compared !== null} onClose={() => setCompared(null)} title={t("versions.compareTitle", { number: compared ?? 0 })} size="xl" closeButtonProps={{ "aria-label": t("do.close") }}>{compared !== null && <Compared bot={bot} number={compared} live={live} />}</Modal>
      <Confirm opened={back !== null} onClose={() => setBack(null)} title={t("versions.backTitle", { number: back ?? 0 })} action={t("versions.back")} onConfirm={async () => back !== null && publish.mutateAsync(back)}>{t("versions.backWhat")}</Confirm>
    </Section>
  );
}

export default function Quality({ bot }: { bot: Bot }) {
  return <Stack><Golden bot={bot} /><Runs bot={bot} /><Versions bot={bot} /></Stack>;
}
