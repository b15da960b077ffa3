// Invoices as a table. `acts`: what can be done with each.

import { Button, Group, Table, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { Schemas } from "../api/client";
import { useTexts } from "../texts";
import { useMoney } from "./money";
import { Actions, State } from "./state";

export type Invoice = Schemas["InvoiceView"];

export function InvoiceTable({ items, whose, at, acts }: { items: Invoice[]; whose?: boolean; at: string; acts?: (invoice: Invoice) => ReactNode }) {
  const { t, language } = useTexts();
  const money = useMoney();
  const day = (value: string) => new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date(value));
  return (
    <Table.ScrollContainer minWidth={whose ? 860 : 680}>
      <Table verticalSpacing="sm" aria-label={t("invoices.title")}>
        <Table.Thead><Table.Tr><Table.Th>{t("invoices.number")}</Table.Th>{whose && <Table.Th>{t("nav.workspace")}</Table.Th>}<Table.Th>{t("invoices.total")}</Table.Th><Table.Th>{t("col.state")}</Table.Th><Table.Th>{t("invoices.period")}</Table.Th><Table.Th>{t("invoices.due")}</Table.Th><Actions /></Table.Tr></Table.Thead>
        <Table.Tbody>{items.map((invoice) => (
          <Table.Tr key={invoice.id}>
            <Table.Td style={{ whiteSpace: "nowrap" }}><Text size="sm" fw={600}>{invoice.number}</Text>{invoice.by_stripe && <Text size="xs" c="dimmed">Stripe</Text>}</Table.Td>
            {whose && <Table.Td><Text size="sm" className="words">{invoice.workspace_name}</Text></Table.Td>}
            <Table.Td><Text size="sm" title={invoice.lines.map((line) => `${line.text}: ${money(line.amount_minor, invoice.currency)}`).join("\n")}>{money(invoice.total_minor, invoice.currency)}</Text></Table.Td>
            <Table.Td><State kind="invoice" value={invoice.overdue ? "overdue" : invoice.state} /></Table.Td>
            <Table.Td><Text size="sm">{day(invoice.period_start)} – {day(invoice.period_end)}</Text></Table.Td>
            <Table.Td><Text size="sm">{invoice.paid_at ? t("invoices.paidOn", { day: day(invoice.paid_at) }) : invoice.state === "void" ? "–" : day(invoice.due_at)}</Text></Table.Td>
            <Table.Td><Group justify="flex-end" gap="xs" wrap="nowrap">
              <Button component="a" href={`${at}/${invoice.id}/document?language=${language}`} size="xs" variant="default" aria-label={`${t("invoices.download")}: ${invoice.number}`}>{t("invoices.download")}</Button>
              {acts?.(invoice)}
            </Group></Table.Td>
          </Table.Tr>
        ))}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
