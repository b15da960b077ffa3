import { Badge, Button, Card, Drawer, Group, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useKnowledge, useSources } from "../../api/hooks";
import { useAct } from "../../parts/act";
import { AddSource } from "../../parts/add-source";
import { Paged, usePaged } from "../../parts/paged";
import { Sources } from "../../parts/sources";
import { Empty, External, Meter, Section, Shown, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

type Bot = Schemas["Chatbot"];

/** How an answer to a question would be found, and why. */
function SearchTest({ bot }: { bot: Bot }) {
  const { t, number, word } = useTexts();
  const [question, setQuestion] = useState("");
  const search = useAct((question: string) => ask(api.POST("/api/chatbots/{chatbot_id}/search", { params: { path: { chatbot_id: bot.id } }, body: { question } })));
  const found = search.data;
  return (
    <Section title={t("search.title")} note={t("search.note")}>
      <form onSubmit={(event) => { event.preventDefault(); search.mutate(question); }}>
        <Group align="flex-end">
          <TextInput style={{ flex: "1 1 240px" }} label={t("source.question")} required value={question} onChange={(event) => setQuestion(event.currentTarget.value)} />
          <Button type="submit" loading={search.isPending}>{t("do.search")}</Button>
        </Group>
      </form>
      {search.error && <div style={{ marginTop: 12 }}><Wrong error={search.error} /></div>}
      {found && (
        <Stack mt="md" aria-live="polite">
          <Group gap="xs">
            <Badge color={found.answered ? "green" : "orange"}>{t(found.answered ? "search.answered" : "search.notAnswered")}</Badge>
            <Text size="sm">{t("search.sure", { confidence: number(found.confidence, { maximumFractionDigits: 2 }), threshold: number(found.threshold, { maximumFractionDigits: 2 }) })}</Text>
            <Text size="sm" c="dimmed">{word("searched", found.searched_by)}</Text>
          </Group>
          {found.problem && <Text size="sm" c="dimmed">{found.problem}</Text>}
          <Stack gap={6} maw={420}>
            <Meter label={t("search.confidence")} value={found.confidence} />
            <Meter label={t("score.coverage")} value={found.signals.coverage} />
            <Meter label={t("score.quote")} value={found.signals.quote_coverage} />
            {found.signals.cosine != null && <Meter label={t("score.meaning")} value={found.signals.cosine} />}
          </Stack>
          {!found.passages.length && <Empty title={t("search.nothing")}>{t("search.nothingHint")}</Empty>}
          {found.passages.map((passage, at) => (
            <Card key={passage.id} withBorder padding="sm" component="article" aria-label={passage.title}>
              <Group justify="space-between" wrap="nowrap" align="flex-start">
                <Text fw={600} size="sm" className="words">{at + 1}. {passage.title}{passage.heading && ` › ${passage.heading}`}</Text>
                <Text size="sm" ff="monospace" title={t("score.score")}>{number(passage.score, { maximumFractionDigits: 3 })}</Text>
              </Group>
              {passage.question && <Text size="sm" fs="italic">{passage.question}</Text>}
              <Text size="sm" className="words">{passage.text}</Text>
              {passage.url && <External href={passage.url}>{passage.url}</External>}
              <div className="split" style={{ marginTop: 8, gap: 8 }}>
                <Meter label={t("score.coverage")} value={passage.coverage} />
                {passage.meaning != null && <Meter label={t("score.meaning")} value={passage.meaning} />}
              </div>
              <Text size="xs" c="dimmed" mt={4}>{t("score.words", { score: number(passage.words, { maximumFractionDigits: 2 }) })}</Text>
            </Card>
          ))}
          {found.left_out.length > 0 && <Text size="sm" c="dimmed">{t("search.leftOut", { count: number(found.left_out.length) })}</Text>}
        </Stack>
      )}
    </Section>
  );
}

/** What a source was cut into. */
function Passages({ bot, source }: { bot: Bot; source: Schemas["Source"] }) {
  const { t } = useTexts();
  const path = { chatbot_id: bot.id, source_id: source.id };
  const documents = usePaged(["documents", source.id, source.version], (after) => ask(api.GET("/api/chatbots/{chatbot_id}/sources/{source_id}/documents", { params: { path, query: { after } } })));
  const [open, setOpen] = useState<string | null>(null);
  const chosen = open ?? documents.data?.pages[0]?.items[0]?.id;
  const passages = useQuery({
    queryKey: ["passages", chosen], enabled: Boolean(chosen),
    queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/sources/{source_id}/documents/{document_id}/passages", { params: { path: { ...path, document_id: chosen ?? "" } } })),
  });
  return (
    <Stack>
      <Paged of={documents} empty={<Text>{t("source.nothingRead")}</Text>}>
        {(items) => items.length > 1 && items.map((document) => (
          <Button key={document.id} variant={document.id === chosen ? "filled" : "default"} size="xs" onClick={() => setOpen(document.id)} justify="flex-start">{document.title}</Button>
        ))}
      </Paged>
      {chosen && <Shown of={passages}>{({ items }) => <>{items.map((passage, at) => (
        <Card key={passage.id} withBorder padding="sm">
          <Text size="xs" c="dimmed">{at + 1}{passage.heading && ` · ${passage.heading}`}</Text>
          {passage.question && <Text size="sm" fw={600}>{passage.question}</Text>}
          <Text size="sm" className="words">{passage.text}</Text>
        </Card>
      ))}</>}</Shown>}
    </Stack>
  );
}

export default function Knowledge({ bot }: { bot: Bot }) {
  const { t, number, word } = useTexts();
  const sources = useSources(bot.id);
  const knowledge = useKnowledge(bot.id);
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState<Schemas["Source"] | null>(null);
  const note = knowledge.data && `${t("bots.passages", { count: number(knowledge.data.passages) })} · ${word("searched", knowledge.data.searched_by)}`;
  return (
    <Stack>
      <Section title={t("knowledge.add")}><AddSource chatbot={bot.id} /></Section>
      <Section title={t("knowledge.sources")} note={note} action={<TextInput size="xs" type="search" aria-label={t("do.search")} placeholder={t("do.search")} value={search} onChange={(event) => setSearch(event.currentTarget.value)} />}>
        <Shown of={sources}>
          {({ items }) => {
            if (!items.length) return <Empty title={t("knowledge.none")}>{t("knowledge.noneHint")}</Empty>;
            const found = items.filter((source) => source.title.toLowerCase().includes(search.toLowerCase()));
            return found.length ? <Sources chatbot={bot.id} sources={found} onOpen={setOpen} /> : <Empty title={t("none.found")} />;
          }}
        </Shown>
      </Section>
      <SearchTest bot={bot} />
      <Drawer opened={open !== null} onClose={() => setOpen(null)} position="right" size="lg" title={open?.title} closeButtonProps={{ "aria-label": t("do.close") }}>
        {open && <Passages bot={bot} source={open} />}
      </Drawer>
    </Stack>
  );
}
