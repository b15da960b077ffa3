import { Alert, Badge, Table, Text } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { useTexts } from "../../texts";
import { useLong } from "./shared";

/** All of them, or only those in which something waits or is wrong. */
export function Queues({ of, busy = false }: { of: Schemas["Queues"]; busy?: boolean }) {
  const { t, number } = useTexts();
  const long = useLong();
  const shown = busy ? of.queues.filter(({ messages, problem }) => messages || problem) : of.queues;
  return (
    <>
      {!of.ready && <Alert color="red" mb="sm" role="alert">{t("admin.queuesNotReady")}</Alert>}
      {!shown.length && of.ready && <Text size="sm">{t("admin.queuesEmpty", { count: of.queues.length })}</Text>}
      {shown.length > 0 && (
        <Table.ScrollContainer minWidth={280}>
          <Table verticalSpacing="xs" aria-label={t("admin.queues")}>
            <Table.Thead><Table.Tr><Table.Th>{t("admin.queue")}</Table.Th><Table.Th ta="right">{t("admin.waiting")}</Table.Th><Table.Th ta="right">{t("admin.oldest")}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{shown.map((queue) => (
              <Table.Tr key={queue.name}>
                <Table.Td><Text size="sm">{queue.name}</Text>{queue.problem && <Text size="xs" className="words"><Badge color="red">{t("state.error")}</Badge> {queue.problem}</Text>}</Table.Td>
                <Table.Td ta="right">{queue.messages == null ? "–" : number(queue.messages)}</Table.Td>
                <Table.Td ta="right">{queue.oldest_seconds == null ? "–" : long(queue.oldest_seconds)}</Table.Td>
              </Table.Tr>
            ))}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </>
  );
}
