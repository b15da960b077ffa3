import { Button, Checkbox, Group, NumberInput, Stack, Table, Text, TextInput, Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Section, Shown, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";
import { MasterKeys } from "./master-keys";
import { useBytes } from "./shared";

/** As a field of this browser has it, in its own time. */
const local = (time?: string | null) => (time ? new Date(new Date(time).getTime() - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : "");
const instant = (field: string) => (field ? new Date(field).toISOString() : null);

function NoticeForm({ of }: { of: Schemas["NoticeView"] }) {
  const { t } = useTexts();
  const [en, setEn] = useState(of.text_en);
  const [de, setDe] = useState(of.text_de);
  const [from, setFrom] = useState(local(of.from));
  const [until, setUntil] = useState(local(of.until));
  const save = useAct(async (body: Schemas["NoticeInput"]) => ask(api.PUT("/api/administration/notice", { body })), ["notice"], ["admin", "notice"]);
  const clear = () => { setEn(""); setDe(""); setFrom(""); setUntil(""); save.mutate({ text_en: "" }); };
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate({ text_en: en, text_de: de, from: instant(from), until: instant(until) }); }}>
      <Stack>
        <Textarea label={t("notice.en")} lang="en" maxLength={500} autosize minRows={2} value={en} onChange={(event) => setEn(event.currentTarget.value)} />
        <Textarea label={t("notice.de")} description={t("notice.deHint")} lang="de" maxLength={500} autosize minRows={2} value={de} onChange={(event) => setDe(event.currentTarget.value)} />
        <div className="split">
          <TextInput label={t("notice.from")} description={t("notice.fromHint")} type="datetime-local" value={from} onChange={(event) => setFrom(event.currentTarget.value)} />
          <TextInput label={t("notice.until")} description={t("notice.untilHint")} type="datetime-local" value={until} onChange={(event) => setUntil(event.currentTarget.value)} />
        </div>
        {save.error && <Wrong error={save.error} />}
        <Group gap="sm">
          <Button type="submit" loading={save.isPending}>{t("do.save")}</Button>
          {of.text_en && <Button variant="default" onClick={clear}>{t("notice.clear")}</Button>}
          {save.isSuccess && <Text size="sm" role="status">{t("notice.saved")}</Text>}
        </Group>
      </Stack>
    </form>
  );
}

function Switches({ of }: { of: Schemas["SwitchesView"] }) {
  const { t } = useTexts();
  const [everybody, setEverybody] = useState(of.everybody_makes_workspaces);
  const [tools, setTools] = useState(of.tools);
  const [servers, setServers] = useState(of.mcp_servers);
  const [most, setMost] = useState<string | number>(of.chatbots_per_workspace ?? "");
  const save = useAct(async () => ask(api.PUT("/api/administration/switches", { body: { everybody_makes_workspaces: everybody, tools, mcp_servers: servers, chatbots_per_workspace: most === "" ? null : Number(most) } })), ["admin", "switches"]);
  return (
    <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
      <Stack>
        <Checkbox label={t("switch.workspaces")} description={t("switch.workspacesHint")} checked={everybody} onChange={(event) => setEverybody(event.currentTarget.checked)} />
        <Checkbox label={t("switch.tools")} description={t("switch.toolsHint")} checked={tools} onChange={(event) => setTools(event.currentTarget.checked)} />
        <Checkbox label={t("switch.servers")} description={t("switch.serversHint")} checked={servers} onChange={(event) => setServers(event.currentTarget.checked)} />
        <NumberInput label={t("switch.chatbots")} description={t("switch.chatbotsHint")} min={0} max={100_000} allowDecimal={false} value={most} onChange={setMost} maw={360} />
        {save.error && <Wrong error={save.error} />}
        <Group gap="sm"><Button type="submit" loading={save.isPending}>{t("do.save")}</Button>{save.isSuccess && <Text size="sm" role="status">{t("switch.saved")}</Text>}</Group>
      </Stack>
    </form>
  );
}

function Limits({ all }: { all: Schemas["LimitView"][] }) {
  const { t, word } = useTexts();
  const bytes = useBytes();
  return (
    <Table.ScrollContainer minWidth={420}>
      <Table verticalSpacing="xs" aria-label={t("limits.title")}>
        <Table.Thead><Table.Tr><Table.Th>{t("limits.what")}</Table.Th><Table.Th ta="right">{t("limits.most")}</Table.Th><Table.Th>{t("limits.from")}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{all.map((limit) => (
          <Table.Tr key={limit.setting}>
            <Table.Td><Text size="sm">{word("limit", limit.setting)}</Text><Text size="xs" c="dimmed" className="words">{limit.setting}</Text></Table.Td>
            <Table.Td ta="right">{bytes(limit.bytes)}</Table.Td>
            <Table.Td>{t(limit.is_default ? "limits.default" : "limits.set")}</Table.Td>
          </Table.Tr>
        ))}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

export default function Installation() {
  const { t } = useTexts();
  const notice = useQuery({ queryKey: ["admin", "notice"], queryFn: () => ask(api.GET("/api/administration/notice")) });
  const switches = useQuery({ queryKey: ["admin", "switches"], queryFn: () => ask(api.GET("/api/administration/switches")) });
  return (
    <Stack>
      <Section title={t("notice.title")} note={t("notice.note")}><Shown of={notice}>{(of) => <NoticeForm of={of} />}</Shown></Section>
      <Section title={t("switch.title")} note={t("switch.note")}><Shown of={switches}>{(of) => <Switches of={of} />}</Shown></Section>
      <Section title={t("limits.title")} note={t("limits.note")}><Shown of={switches} lines={2}>{({ limits }) => <Limits all={limits} />}</Shown></Section>
      <MasterKeys />
    </Stack>
  );
}
