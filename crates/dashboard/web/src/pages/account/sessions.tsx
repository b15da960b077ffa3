// Where one is signed in.

import { Badge, Button, Group, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Actions, Confirm, Section, Shown } from "../../parts/state";
import { useTexts } from "../../texts";

type Session = Schemas["OpenSession"];

export function Sessions() {
  const { t, ago, time } = useTexts();
  const [ending, setEnding] = useState<Session | "others" | null>(null);
  const sessions = useQuery({ queryKey: ["sessions"], queryFn: () => ask(api.GET("/api/session/sessions")) });
  const end = useAct((session_id: string) => ask(api.DELETE("/api/session/sessions/{session_id}", { params: { path: { session_id } } })), ["sessions"]);
  const endOthers = useAct(() => ask(api.DELETE("/api/session/sessions")), ["sessions"]);
  const named = ({ browser, system }: Session) => (browser && system ? t("sessions.on", { browser, system }) : (browser ?? system ?? t("sessions.unknown")));
  const others = (sessions.data?.items.length ?? 0) > 1;
  const what = ending && ending !== "others" ? named(ending) : "";
  return (
    <Section title={t("sessions.title")} note={t("sessions.note")} action={others && <Button size="xs" variant="default" onClick={() => setEnding("others")}>{t("sessions.endOthers")}</Button>}>
      <Shown of={sessions}>
        {({ items }) => (
          <Table.ScrollContainer minWidth={520}>
            <Table verticalSpacing="sm" aria-label={t("sessions.title")}>
              <Table.Thead><Table.Tr><Table.Th>{t("sessions.browser")}</Table.Th><Table.Th>{t("sessions.from")}</Table.Th><Table.Th>{t("sessions.begun")}</Table.Th><Table.Th>{t("col.used")}</Table.Th><Actions /></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((session) => (
                <Table.Tr key={session.id}>
                  <Table.Td><Group gap="xs"><Text size="sm" fw={600}>{named(session)}</Text>{session.is_this && <Badge color="green">{t("sessions.this")}</Badge>}</Group></Table.Td>
                  <Table.Td><Text size="sm" className="words">{session.ip ?? "—"}</Text></Table.Td>
                  <Table.Td><Text size="sm">{time(session.created_at)}</Text></Table.Td>
                  <Table.Td><Text size="sm">{ago(session.last_used_at)}</Text></Table.Td>
                  <Table.Td>{!session.is_this && <Group justify="flex-end"><Button size="xs" variant="default" onClick={() => setEnding(session)} aria-label={`${t("sessions.end")}: ${named(session)}`}>{t("sessions.end")}</Button></Group>}</Table.Td>
                </Table.Tr>
              ))}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Shown>
      <Confirm opened={ending !== null} onClose={() => setEnding(null)} title={t(ending === "others" ? "sessions.endOthersTitle" : "sessions.endTitle")} action={t(ending === "others" ? "sessions.endOthers" : "sessions.end")}
        onConfirm={async () => (ending === "others" ? endOthers.mutateAsync(undefined) : ending && end.mutateAsync(ending.id))}>
        {ending === "others" ? t("sessions.endOthersWhat") : t("sessions.endWhat", { what })}
      </Confirm>
    </Section>
  );
}
