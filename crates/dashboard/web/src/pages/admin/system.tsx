import { SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Schemas } from "../../api/client";
import { Empty, Section, Shown, State } from "../../parts/state";
import { useTexts } from "../../texts";
import { Database, Migrations } from "./database";
import { DeadLetters, Unread } from "./dead-letters";
import { Queues } from "./queues";
import { SlowQueries } from "./slow-queries";
import { useBytes, useLong } from "./shared";
import { Speed } from "./speed";

/** How often the machinery is looked at again. */
const EVERY = 10_000;

function Instances({ all }: { all: Schemas["InstanceView"][] }) {
  const { t, ago } = useTexts();
  const bytes = useBytes();
  const long = useLong();
  if (!all.length) return <Empty title={t("sys.none")}>{t("sys.noneHint")}</Empty>;
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table verticalSpacing="xs" aria-label={t("admin.instances")}>
        <Table.Thead><Table.Tr><Table.Th>{t("sys.role")}</Table.Th><Table.Th>{t("col.state")}</Table.Th><Table.Th>{t("sys.version")}</Table.Th><Table.Th>{t("sys.uptime")}</Table.Th><Table.Th>{t("sys.seen")}</Table.Th><Table.Th>{t("sys.disk")}</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{all.map((one) => (
          <Table.Tr key={one.id}>
            <Table.Td><Text size="sm" fw={600}>{one.role}</Text><Text size="xs" c="dimmed" className="words">{one.host}</Text></Table.Td>
            <Table.Td><State value={one.is_up ? "up" : "silent"} /></Table.Td>
            <Table.Td><Text size="sm">{one.version}</Text></Table.Td>
            <Table.Td><Text size="sm">{long(one.uptime_seconds)}</Text></Table.Td>
            <Table.Td><Text size="sm">{ago(one.seen_at)}</Text></Table.Td>
            <Table.Td><Text size="sm">{one.disk_free_bytes == null || one.disk_total_bytes == null ? "–" : t("sys.free", { free: bytes(one.disk_free_bytes), total: bytes(one.disk_total_bytes) })}</Text></Table.Td>
          </Table.Tr>
        ))}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Meaning() {
  const { t } = useTexts();
  const embeddings = useQuery({ queryKey: ["admin", "embeddings"], refetchInterval: EVERY, queryFn: () => ask(api.GET("/api/administration/embeddings")) });
  return (
    <Section title={t("sys.meaning")}>
      <Shown of={embeddings} lines={1}>{({ model, problem }) => <><Text size="sm" className="words">{model ?? t("sys.meaningNone")}</Text>{problem && <Text size="sm" className="words">{problem}</Text>}</>}</Shown>
    </Section>
  );
}

export default function System() {
  const { t, time } = useTexts();
  const system = useQuery({ queryKey: ["admin", "system"], refetchInterval: EVERY, queryFn: () => ask(api.GET("/api/administration/system")) });
  return (
    <Stack>
      <Shown of={system} lines={6}>
        {({ at, instances, queues, database, migrations }) => (
          <>
            <Section title={t("admin.instances")} note={t("admin.asOf", { time: time(at) })}><Instances all={instances} /></Section>
            <DeadLetters />
            <Unread />
            <Speed />
            <SimpleGrid cols={{ base: 1, lg: 2 }} style={{ alignItems: "start" }}>
              <Section title={t("admin.queues")}><Queues of={queues} /></Section>
              <Stack><Database of={database} /><SlowQueries /><Migrations all={migrations} /><Meaning /></Stack>
            </SimpleGrid>
          </>
        )}
      </Shown>
    </Stack>
  );
}
