// Adding to what a chatbot knows: a text, questions with answers, a file, a page or a site.

import { Button, Checkbox, FileButton, Group, NativeSelect, NumberInput, Stack, Tabs, Text, Textarea, TextInput } from "@mantine/core";
import { useState, type DragEvent } from "react";
import { api, ask, asBytes, bytes, Problem, type Schemas } from "../api/client";
import { useTexts } from "../texts";
import { useAct } from "./act";
import { Wrong } from "./state";

const KINDS = ["text", "qa", "file", "url"] as const;
type Kind = (typeof KINDS)[number];

function Drop({ busy, onFiles }: { busy: boolean; onFiles: (files: File[]) => void }) {
  const { t } = useTexts();
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    onFiles([...event.dataTransfer.files]);
  };
  return (
    <div className="drop" data-over={over || undefined} onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={drop}>
      <Stack gap="xs" align="center">
        <Text>{t("source.drop")}</Text>
        <Text size="sm" c="dimmed">{t("source.kinds")}</Text>
        <FileButton onChange={onFiles} multiple inputProps={{ "aria-label": t("source.choose") }}>
          {(props) => <Button {...props} variant="default" loading={busy}>{t("source.choose")}</Button>}
        </FileButton>
      </Stack>
    </div>
  );
}

export function AddSource({ chatbot, onAdded, kinds = KINDS }: { chatbot: string; onAdded?: (source: Schemas["Source"]) => void; kinds?: readonly Kind[] }) {
  const { t } = useTexts();
  const [title, setTitle] = useState("");
  const [text, setText] = useState("");
  const [question, setQuestion] = useState("");
  const [answer, setAnswer] = useState("");
  const [url, setUrl] = useState("");
  const [site, setSite] = useState(false);
  const [pages, setPages] = useState<string | number>(100);
  const [refresh, setRefresh] = useState("");
  const path = { chatbot_id: chatbot };
  const stale = [["sources", chatbot], ["knowledge", chatbot]];
  const add = useAct(async (source: Schemas["NewSource"]) => ask(api.POST("/api/chatbots/{chatbot_id}/sources", { params: { path }, body: source })), ...stale);
  const addFiles = useAct(async (files: File[]) => {
    let last: Schemas["Source"] | undefined;
    const refused: [string, Problem][] = [];
    for (const file of files) {
      try {
        last = await ask(api.POST("/api/chatbots/{chatbot_id}/source-files", { params: { path, query: { name: file.name } }, body: bytes(file), ...asBytes }));
      } catch (error) {
        // The others may be taken all the same.
        refused.push([file.name, error as Problem]);
      }
    }
    const first = refused[0]?.[1];
    if (first) throw new Problem(first.status, refused.map(([name, { message }]) => `${name}: ${message}`).join("\n"), first.requestId);
    return last;
  }, ...stale);
  const busy = add.isPending || addFiles.isPending;
  const error = add.error ?? addFiles.error;

  const submit = (source: Schemas["NewSource"]) => add.mutate(source, {
    onSuccess: (made) => {
      [setTitle, setText, setQuestion, setAnswer, setUrl].forEach((clear) => clear(""));
      onAdded?.(made);
    },
  });
  const files = (chosen: File[]) => chosen.length && addFiles.mutate(chosen, { onSuccess: (made) => made && onAdded?.(made) });
  const reset = () => { add.reset(); addFiles.reset(); };

  return (
    <Tabs defaultValue={kinds[0]} onChange={reset} keepMounted={false}>
      <Tabs.List mb="md" aria-label={t("source.how")}>{kinds.map((kind) => <Tabs.Tab key={kind} value={kind}>{t(`source.${kind}`)}</Tabs.Tab>)}</Tabs.List>
      <Tabs.Panel value="text">
        <form onSubmit={(event) => { event.preventDefault(); submit({ title: title || t("source.untitled"), text }); }}>
          <Stack>
            <TextInput label={t("source.title")} description={t("source.titleHint")} value={title} onChange={(event) => setTitle(event.currentTarget.value)} />
            <Textarea label={t("source.text")} minRows={6} required value={text} onChange={(event) => setText(event.currentTarget.value)} placeholder={t("source.textExample")} />
            <Group><Button type="submit" loading={busy}>{t("source.add")}</Button></Group>
          </Stack>
        </form>
      </Tabs.Panel>
      <Tabs.Panel value="qa">
        <form onSubmit={(event) => { event.preventDefault(); submit({ title: title || question, pairs: [{ question, answer }] }); }}>
          <Stack>
            <TextInput label={t("source.question")} required value={question} onChange={(event) => setQuestion(event.currentTarget.value)} />
            <Textarea label={t("source.answer")} description={t("source.answerHint")} required value={answer} onChange={(event) => setAnswer(event.currentTarget.value)} />
            <Group><Button type="submit" loading={busy}>{t("source.add")}</Button></Group>
          </Stack>
        </form>
      </Tabs.Panel>
      <Tabs.Panel value="file"><Drop busy={busy} onFiles={files} /></Tabs.Panel>
      <Tabs.Panel value="url">
        <form onSubmit={(event) => {
          event.preventDefault();
          submit({ url, site: site ? { most_pages: Number(pages) || null } : null, refresh_hours: refresh ? Number(refresh) : null });
        }}>
          <Stack>
            <TextInput label={t("source.address")} type="url" required value={url} onChange={(event) => setUrl(event.currentTarget.value)} placeholder="https://" />
            <Checkbox label={t("source.site")} checked={site} onChange={(event) => setSite(event.currentTarget.checked)} />
            {site && <NumberInput label={t("source.pages")} min={1} max={10000} value={pages} onChange={setPages} maw={200} />}
            <NativeSelect label={t("source.refresh")} value={refresh} onChange={(event) => setRefresh(event.currentTarget.value)} maw={260}
              data={[{ value: "", label: t("source.never") }, { value: "24", label: t("source.daily") }, { value: "168", label: t("source.weekly") }]} />
            <Group><Button type="submit" loading={busy}>{t("source.add")}</Button></Group>
          </Stack>
        </form>
      </Tabs.Panel>
      {error && <div style={{ marginTop: 16 }}><Wrong error={error} /></div>}
    </Tabs>
  );
}
