import { Button, Code, Table, Text } from "@mantine/core";
import { Link } from "react-router-dom";
import { api, ask, type Schemas } from "../../api/client";
import { ChoiceFilter, Filters, TextFilter, useFilters } from "../../parts/filters";
import { Paged, usePaged } from "../../parts/paged";
import { said } from "../../parts/said";
import { Empty, Section } from "../../parts/state";
import { useTexts } from "../../texts";
import { WorkspaceFilter } from "./shared";

const NAMES = ["email", "action", "target", "workspace_id", "since", "until", "user_id", "api_key_id"] as const;

/** A day of the reader's, as the moment that it begins; `days` later. */
function begin(day: string | undefined, days = 0): string | undefined {
  const at = new Date(`${day}T00:00`);
  if (Number.isNaN(at.getTime())) return undefined;
  at.setDate(at.getDate() + days);
  return at.toISOString();
}

function Entry({ entry, only }: { entry: Schemas["InstallationActivity"]; only: (name: "user_id" | "api_key_id", value: string) => string }) {
  const { t, time, word, number } = useTexts();
  const details = said(entry.details);
  const who = entry.email ?? t(entry.api_key_id ? "activity.key" : "activity.gone");
  const theirs = entry.user_id ? only("user_id", entry.user_id) : entry.api_key_id ? only("api_key_id", entry.api_key_id) : null;
  return (
    <Table.Tr>
      <Table.Td><Text size="sm" c="dimmed">{number(entry.position)}</Text></Table.Td>
      <Table.Td><Text size="sm" fw={600}>{word("action", entry.action)}</Text>{details && <Text size="xs" className="words">{details}</Text>}</Table.Td>
      <Table.Td><Text size="sm" className="words">{theirs ? <Link to={theirs} title={t("alog.theirs")}>{who}</Link> : who}</Text>{entry.ip && <Text size="xs" c="dimmed">{entry.ip}</Text>}</Table.Td>
      <Table.Td><Text size="sm" style={{ whiteSpace: "nowrap" }}>{time(entry.at)}</Text></Table.Td>
      <Table.Td><Text size="sm" className="words">{entry.workspace_name ?? entry.workspace_id ?? t("alog.installation")}</Text></Table.Td>
      <Table.Td>{entry.target && <Code className="words">{entry.target}</Code>}{entry.request_id && <Text size="xs" c="dimmed" className="words">{t("wrong.request")} {entry.request_id}</Text>}</Table.Td>
    </Table.Tr>
  );
}

export default function Activity() {
  const { t } = useTexts();
  const { chosen, set, query } = useFilters(NAMES);
  const { since, until, user_id, api_key_id } = chosen;
  // Both days are meant whole.
  const asked = { ...chosen, since: begin(since), until: begin(until, 1) };
  const entries = usePaged(["admin", "activity", chosen], (after) => ask(api.GET("/api/administration/activity", { params: { query: { ...asked, after } } })));
  const table = `/api/administration/activity.csv?${new URLSearchParams(Object.entries(asked).filter((pair): pair is [string, string] => Boolean(pair[1])))}`;
  const only = (name: string, value: string) => {
    const next = new URLSearchParams(query);
    next.set(name, value);
    return `/admin/activity?${next}`;
  };
  const nameOf = (id: string) => entries.data?.pages.flatMap((page) => page.items).find((entry) => entry.user_id === id)?.email ?? id;
  return (
    <Section title={t("admin.activity")} note={t("alog.chained")} action={<Button component="a" href={table} size="xs" variant="default">{t("alog.csv")}</Button>}>
      <Filters>
        <TextFilter label={t("alog.email")} value={chosen.email} onChange={(value) => set("email", value)} />
        <TextFilter label={t("alog.action")} value={chosen.action} onChange={(value) => set("action", value)} />
        <TextFilter label={t("alog.target")} value={chosen.target} onChange={(value) => set("target", value)} />
        <WorkspaceFilter value={chosen.workspace_id} onChange={(value) => set("workspace_id", value)} />
        <TextFilter type="date" label={t("alog.since")} value={since} onChange={(value) => set("since", value)} />
        <TextFilter type="date" label={t("alog.until")} value={until} onChange={(value) => set("until", value)} />
        {user_id && <ChoiceFilter label={t("alog.person")} value={user_id} onChange={(value) => set("user_id", value)} options={[{ value: user_id, label: nameOf(user_id) }]} />}
        {api_key_id && <ChoiceFilter label={t("alog.key")} value={api_key_id} onChange={(value) => set("api_key_id", value)} options={[{ value: api_key_id, label: api_key_id }]} />}
      </Filters>
      <Paged of={entries} empty={<Empty title={t("alog.none")}>{t("alog.noneHint")}</Empty>}>
        {(items) => (
          <Table.ScrollContainer minWidth={940}>
            <Table verticalSpacing="xs" aria-label={t("admin.activity")}>
              <Table.Thead><Table.Tr><Table.Th>{t("alog.position")}</Table.Th><Table.Th>{t("activity.what")}</Table.Th><Table.Th>{t("col.by")}</Table.Th><Table.Th>{t("col.when")}</Table.Th><Table.Th>{t("nav.workspace")}</Table.Th><Table.Th>{t("activity.target")}</Table.Th></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((entry) => <Entry key={entry.id} entry={entry} only={only} />)}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Paged>
    </Section>
  );
}
