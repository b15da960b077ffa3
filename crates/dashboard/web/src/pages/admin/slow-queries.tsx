import { Code, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { Empty, Section, Shown } from "../../parts/state";
import { useTexts } from "../../texts";

/** What takes the database's time, where it counts that; else how to make it. */
export function SlowQueries() {
  const { t, number } = useTexts();
  const slow = useQuery({ queryKey: ["admin", "slow-queries"], refetchInterval: 30_000, queryFn: () => ask(api.GET("/api/administration/slow-queries")) });
  const long = (milliseconds: number) => number(milliseconds, { style: "unit", unit: "millisecond", maximumSignificantDigits: 3 });
  return (
    <Section title={t("slow.title")} note={t("slow.note")}>
      <Shown of={slow} lines={2}>
        {({ state, statements }) => (state !== "counted"
          ? (
            <Stack gap="xs">
              <Text size="sm">{t(state === "not_installed" ? "slow.notInstalled" : "slow.notReadable")}</Text>
              <Code block>{"shared_preload_libraries = 'pg_stat_statements'\ncreate extension pg_stat_statements;\ngrant pg_read_all_stats to botsmith_system;"}</Code>
              <Text size="sm" c="dimmed">{t("slow.how")}</Text>
            </Stack>
          )
          : statements.length === 0 ? <Empty title={t("slow.none")} /> : (
            <Table.ScrollContainer minWidth={640} mah={420}>
              <Table verticalSpacing={4} stickyHeader aria-label={t("slow.title")}>
                <Table.Thead><Table.Tr><Table.Th>{t("slow.statement")}</Table.Th><Table.Th ta="right">{t("slow.calls")}</Table.Th><Table.Th ta="right">{t("slow.mean")}</Table.Th><Table.Th ta="right">{t("slow.total")}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>{statements.map((one, at) => (
                  <Table.Tr key={at}><Table.Td><Text size="xs" ff="monospace" className="words" lineClamp={4}>{one.text}</Text></Table.Td><Table.Td ta="right">{number(one.calls)}</Table.Td><Table.Td ta="right">{long(one.mean_milliseconds)}</Table.Td><Table.Td ta="right">{long(one.total_milliseconds)}</Table.Td></Table.Tr>
                ))}</Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          ))}
      </Shown>
    </Section>
  );
}
