import { Button } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../../../api/client";
import { useAct } from "../../../parts/act";
import { ChoiceFilter, Filters, useFilters } from "../../../parts/filters";
import { InvoiceTable, type Invoice } from "../../../parts/invoices";
import { useMoney } from "../../../parts/money";
import { Paged, usePaged } from "../../../parts/paged";
import { Confirm, Empty, Section } from "../../../parts/state";
import { useTexts } from "../../../texts";
import { WorkspaceFilter } from "../shared";

const AT = "/api/administration/invoices";

export default function Invoices() {
  const { t, word } = useTexts();
  const money = useMoney();
  const { chosen, set } = useFilters(["state", "workspace_id"]);
  const [asked, setAsked] = useState<{ deed: "pay" | "void"; invoice: Invoice } | null>(null);
  const invoices = usePaged(["admin", "invoices", chosen], (after) => ask(api.GET("/api/administration/invoices", { params: { query: { ...chosen, after } } })));
  const stale = [["admin"], ["plan"]];
  const pay = useAct((invoice_id: string) => ask(api.POST("/api/administration/invoices/{invoice_id}/paid", { params: { path: { invoice_id } } })), ...stale);
  const back = useAct((invoice_id: string) => ask(api.POST("/api/administration/invoices/{invoice_id}/void", { params: { path: { invoice_id } } })), ...stale);
  const acts = (invoice: Invoice) => invoice.state === "open" && !invoice.by_stripe && (
    <>
      <Button size="xs" onClick={() => setAsked({ deed: "pay", invoice })} aria-label={`${t("invoices.pay")}: ${invoice.number}`}>{t("invoices.pay")}</Button>
      <Button size="xs" variant="outline" color="red" onClick={() => setAsked({ deed: "void", invoice })} aria-label={`${t("invoices.void")}: ${invoice.number}`}>{t("invoices.void")}</Button>
    </>
  );
  const values = asked && { number: asked.invoice.number, name: asked.invoice.workspace_name, total: money(asked.invoice.total_minor, asked.invoice.currency) };
  return (
    <Section title={t("revenue.invoices")} note={t("invoices.note")} action={<Button component="a" href={`${AT}.csv?${new URLSearchParams(chosen)}`} size="xs" variant="default">{t("invoices.csv")}</Button>}>
      <Filters>
        <ChoiceFilter label={t("col.state")} value={chosen.state} onChange={(value) => set("state", value)} options={["open", "paid", "void"].map((value) => ({ value, label: word("invoice", value) }))} />
        <WorkspaceFilter value={chosen.workspace_id} onChange={(value) => set("workspace_id", value)} />
      </Filters>
      <Paged of={invoices} empty={<Empty title={t("invoices.none")}>{t("invoices.noneHint")}</Empty>}>{(items) => <InvoiceTable items={items} whose at={AT} acts={acts} />}</Paged>
      <Confirm opened={asked !== null} onClose={() => setAsked(null)} title={asked ? t(`invoices.${asked.deed}Title`, values ?? {}) : ""} action={asked ? t(`invoices.${asked.deed}`) : ""}
        onConfirm={async () => asked && (asked.deed === "pay" ? pay : back).mutateAsync(asked.invoice.id)}>{asked && t(`invoices.${asked.deed}What`, values ?? {})}</Confirm>
    </Section>
  );
}
