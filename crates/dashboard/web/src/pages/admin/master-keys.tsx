import { Badge, Button, Code, Group, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { useAct } from "../../parts/act";
import { Confirm, Meter, Section, Shown } from "../../parts/state";
import { useTexts } from "../../texts";

/** Which master keys wrap how much, and wrapping it all with the newest. */
export function MasterKeys() {
  const { t, number } = useTexts();
  const [asking, setAsking] = useState(false);
  const keys = useQuery({
    queryKey: ["admin", "master-keys"],
    refetchInterval: ({ state }) => (state.data?.rotatable ? 1_000 : 15_000),
    queryFn: () => ask(api.GET("/api/administration/master-keys")),
  });
  const rotate = useAct(async () => ask(api.POST("/api/administration/master-keys/rotate")), ["admin", "master-keys"]);
  return (
    <Section title={t("master.title")} note={t("master.note")}>
      <Shown of={keys} lines={2}>
        {(told) => (
          <Stack>
            <Text size="sm">{t("master.current")} <Code>{told.current}</Code></Text>
            {told.data_keys > 0 && <Meter value={1 - told.remaining / told.data_keys} label={t(told.remaining ? "master.left" : "master.done", { left: number(told.remaining), all: number(told.data_keys) })} />}
            {told.wrapped_by.length > 0 && (
              <Table.ScrollContainer minWidth={320}>
                <Table verticalSpacing={4} aria-label={t("master.title")}>
                  <Table.Thead><Table.Tr><Table.Th>{t("master.key")}</Table.Th><Table.Th ta="right">{t("master.wraps")}</Table.Th><Table.Th>{t("col.state")}</Table.Th></Table.Tr></Table.Thead>
                  <Table.Tbody>{told.wrapped_by.map((by) => (
                    <Table.Tr key={by.master_key_id}>
                      <Table.Td><Code>{by.master_key_id}</Code></Table.Td><Table.Td ta="right">{number(by.data_keys)}</Table.Td>
                      <Table.Td><Badge color={by.master_key_id === told.current ? "green" : by.is_configured ? "orange" : "red"}>{t(by.master_key_id === told.current ? "master.isCurrent" : by.is_configured ? "master.isOld" : "master.isMissing")}</Badge></Table.Td>
                    </Table.Tr>
                  ))}</Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            )}
            {told.rotatable > 0
              ? <Group><Button onClick={() => setAsking(true)}>{t("master.rotate")}</Button></Group>
              : <Text size="sm" c="dimmed">{t("master.how")}</Text>}
          </Stack>
        )}
      </Shown>
      <Confirm opened={asking} onClose={() => setAsking(false)} title={t("master.rotate")} action={t("master.rotate")} onConfirm={async () => rotate.mutateAsync(undefined)}>{t("master.rotateWhat")}</Confirm>
    </Section>
  );
}
