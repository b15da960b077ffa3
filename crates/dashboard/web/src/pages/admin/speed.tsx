// How long things take, and how often they fail.

import { Badge, SegmentedControl, Table, Text } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { Empty, Section, Shown } from "../../parts/state";
import { useTexts } from "../../texts";
import { useTitled } from "./shared";

interface Row {
  what: string;
  took: Schemas["Spread"];
  failed?: number;
  rate?: number;
}

export function Speed() {
  const { t, number, word } = useTexts();
  const titled = useTitled();
  const [window, setWindow] = useState("hour");
  const latency = useQuery({ queryKey: ["admin", "latency", window], placeholderData: keepPreviousData, refetchInterval: 10_000, queryFn: () => ask(api.GET("/api/administration/latency", { params: { query: { window } } })) });
  const long = (milliseconds: number) => (milliseconds < 1000
    ? number(milliseconds, { style: "unit", unit: "millisecond", maximumSignificantDigits: 3 })
    : number(milliseconds / 1000, { style: "unit", unit: "second", maximumSignificantDigits: 3 }));
  const rows = (told: Schemas["Latency"]): Row[] => [
    ...told.accept_to_reply.map((one) => ({ what: t("speed.reply", { platform: titled(one.platform) }), took: one.milliseconds })),
    ...told.stages.map((one) => ({ what: t("speed.stage", { stage: word("stage", one.stage) }), took: one.milliseconds })),
    ...told.models.map((one) => ({ what: t("speed.model", { model: `${one.model} (${word("provider", one.provider)})` }), took: one.milliseconds, failed: one.failed, rate: one.error_rate })),
    ...told.platforms.map((one) => ({ what: t("speed.send", { platform: titled(one.platform) }), took: one.milliseconds, failed: one.failed, rate: one.error_rate })),
  ];
  return (
    <Section title={t("speed.title")} note={t("speed.note")} action={<SegmentedControl aria-label={t("speed.window")} value={window} onChange={setWindow} data={[{ value: "hour", label: t("speed.hour") }, { value: "day", label: t("speed.day") }]} />}>
      <Shown of={latency}>
        {(told) => {
          const measured = rows(told);
          if (!measured.length) return <Empty title={t("speed.none")}>{t("speed.noneHint")}</Empty>;
          return (
            <Table.ScrollContainer minWidth={640}>
              <Table verticalSpacing="xs" aria-label={t("speed.title")}>
                <Table.Thead><Table.Tr><Table.Th>{t("speed.what")}</Table.Th><Table.Th ta="right">p50</Table.Th><Table.Th ta="right">p95</Table.Th><Table.Th ta="right">p99</Table.Th><Table.Th ta="right">{t("speed.measured")}</Table.Th><Table.Th>{t("speed.failed")}</Table.Th></Table.Tr></Table.Thead>
                <Table.Tbody>{measured.map(({ what, took, failed, rate }) => (
                  <Table.Tr key={what}>
                    <Table.Td><Text size="sm" className="words">{what}</Text></Table.Td>
                    <Table.Td ta="right">{long(took.p50)}</Table.Td><Table.Td ta="right">{long(took.p95)}</Table.Td><Table.Td ta="right">{long(took.p99)}</Table.Td>
                    <Table.Td ta="right">{number(took.measured)}</Table.Td>
                    <Table.Td>{failed === undefined || rate === undefined ? "–" : <Badge color={failed ? "red" : "green"}>{number(failed)} · {number(rate, { style: "percent", maximumFractionDigits: 1 })}</Badge>}</Table.Td>
                  </Table.Tr>
                ))}</Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          );
        }}
      </Shown>
    </Section>
  );
}
