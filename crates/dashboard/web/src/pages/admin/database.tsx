import { Button, SimpleGrid, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import type { Schemas } from "../../api/client";
import { Section, State } from "../../parts/state";
import { useTexts } from "../../texts";
import { useBytes } from "./shared";

function Fact({ label, value, note }: { label: string; value: string; note?: string }) {
  return <div><Text fz={22} fw={700} lh={1.2}>{value}</Text><Text size="sm">{label}</Text>{note && <Text size="xs" c="dimmed">{note}</Text>}</div>;
}

export function Database({ of }: { of: Schemas["Database"] }) {
  const { t, number } = useTexts();
  const bytes = useBytes();
  return (
    <Section title={t("sys.database")} note={t("sys.databaseIs", { version: of.version })}>
      <SimpleGrid cols={{ base: 1, xs: 3 }} mb="md">
        <Fact label={t("sys.size")} value={bytes(of.bytes)} />
        <Fact label={t("sys.connections")} value={t("sys.connectionsOf", { count: number(of.connections), most: number(of.most_connections) })} />
        <Fact label={t("sys.long")} value={number(of.long_transactions)} note={t("sys.longHint")} />
      </SimpleGrid>
      <Table.ScrollContainer minWidth={280}>
        <Table verticalSpacing={4} aria-label={t("sys.tables")}>
          <Table.Thead><Table.Tr><Table.Th>{t("sys.table")}</Table.Th><Table.Th ta="right">{t("sys.size")}</Table.Th><Table.Th ta="right">{t("sys.rows")}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{of.tables.map((table) => (
            <Table.Tr key={table.name}><Table.Td>{table.name}</Table.Td><Table.Td ta="right">{bytes(table.bytes)}</Table.Td><Table.Td ta="right">{number(Math.max(0, table.rows))}</Table.Td></Table.Tr>
          ))}</Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Section>
  );
}

/** What is missing is always shown; what was made, when it is wanted. */
export function Migrations({ all }: { all: Schemas["MigrationView"][] }) {
  const { t } = useTexts();
  const [open, { toggle }] = useDisclosure();
  const missing = all.filter((one) => !one.is_applied);
  const shown = open ? all : missing;
  return (
    <Section title={t("sys.migrations")} note={t(missing.length ? "sys.migrationsMissing" : "sys.migrationsDone", { count: all.length, missing: missing.length })}
      action={<Button size="xs" variant="default" onClick={toggle} aria-expanded={open}>{t(open ? "sys.migrationsHide" : "sys.migrationsShow")}</Button>}>
      {shown.length > 0 && (
        <Table.ScrollContainer minWidth={320} mah={320}>
          <Table verticalSpacing={4} stickyHeader aria-label={t("sys.migrations")}>
            <Table.Thead><Table.Tr><Table.Th>{t("sys.number")}</Table.Th><Table.Th>{t("col.name")}</Table.Th><Table.Th>{t("col.state")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{shown.map((one) => (
              <Table.Tr key={one.version}><Table.Td>{one.version}</Table.Td><Table.Td className="words">{one.description ?? t("sys.newer")}</Table.Td><Table.Td><State value={one.is_applied ? "applied" : "missing"} /></Table.Td></Table.Tr>
            ))}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Section>
  );
}
