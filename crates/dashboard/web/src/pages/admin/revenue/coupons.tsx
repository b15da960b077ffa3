import { Badge, Button, Group, Modal, NumberInput, SegmentedControl, Stack, Table, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../../api/client";
import { useAct } from "../../../parts/act";
import { decimalsOf, minorOf, useMoney } from "../../../parts/money";
import { Actions, Confirm, Empty, Section, Shown, Wrong } from "../../../parts/state";
import { useTexts } from "../../../texts";

type Coupon = Schemas["CouponView"];
const whole = (value: string | number) => (value === "" ? null : Number(value));

function CouponForm({ onClose }: { onClose: () => void }) {
  const { t } = useTexts();
  const [code, setCode] = useState("");
  const [kind, setKind] = useState("percent");
  const [off, setOff] = useState<string | number>("");
  const [currency, setCurrency] = useState("EUR");
  const [months, setMonths] = useState<string | number>("");
  const [until, setUntil] = useState("");
  const [most, setMost] = useState<string | number>("");
  const make = useAct(async () => ask(api.POST("/api/administration/coupons", {
    body: {
      code, months: whole(months), max_redemptions: whole(most), redeem_by: until ? new Date(`${until}T23:59:59`).toISOString() : null,
      ...(kind === "percent" ? { percent: Number(off) } : { amount_minor: minorOf(off, currency), currency }),
    },
  })), ["admin"]);
  return (
    <form onSubmit={(event) => { event.preventDefault(); make.mutate(undefined, { onSuccess: onClose }); }}>
      <Stack>
        <TextInput label={t("coupons.code")} description={t("coupons.codeHint")} required value={code} onChange={(event) => setCode(event.currentTarget.value.toUpperCase())} data-autofocus />
        <SegmentedControl aria-label={t("coupons.off")} value={kind} onChange={setKind} data={[{ value: "percent", label: t("coupons.percent") }, { value: "amount", label: t("coupons.amount") }]} />
        <div className="split">
          <NumberInput label={t(kind === "percent" ? "coupons.percent" : "coupons.amount")} required min={kind === "percent" ? 1 : 0} max={kind === "percent" ? 100 : undefined} decimalScale={kind === "percent" ? 0 : decimalsOf(currency)} value={off} onChange={setOff} />
          {kind === "amount" && <TextInput label={t("revenue.currency")} required maxLength={3} value={currency} onChange={(event) => setCurrency(event.currentTarget.value.toUpperCase())} />}
        </div>
        <NumberInput label={t("coupons.months")} description={t("coupons.monthsHint")} min={1} allowDecimal={false} value={months} onChange={setMonths} />
        <div className="split">
          <TextInput type="date" label={t("coupons.until")} value={until} onChange={(event) => setUntil(event.currentTarget.value)} />
          <NumberInput label={t("coupons.most")} min={1} allowDecimal={false} value={most} onChange={setMost} />
        </div>
        {make.error && <Wrong error={make.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={make.isPending}>{t("coupons.make")}</Button></Group>
      </Stack>
    </form>
  );
}

export default function Coupons() {
  const { t, number, time, word } = useTexts();
  const money = useMoney();
  const [making, setMaking] = useState(false);
  const [gone, setGone] = useState<Coupon | null>(null);
  const coupons = useQuery({ queryKey: ["admin", "coupons"], queryFn: () => ask(api.GET("/api/administration/coupons")) });
  const end = useAct((coupon_id: string) => ask(api.DELETE("/api/administration/coupons/{coupon_id}", { params: { path: { coupon_id } } })), ["admin"]);
  return (
    <Section title={t("revenue.coupons")} note={t("coupons.note")} action={<Button size="xs" onClick={() => setMaking(true)}>{t("coupons.make")}</Button>}>
      <Shown of={coupons}>{({ items }) => !items.length ? <Empty title={t("coupons.none")}>{t("coupons.noneHint")}</Empty> : (
        <Table.ScrollContainer minWidth={680}>
          <Table verticalSpacing="sm" aria-label={t("revenue.coupons")}>
            <Table.Thead><Table.Tr><Table.Th>{t("coupons.code")}</Table.Th><Table.Th>{t("coupons.off")}</Table.Th><Table.Th>{t("coupons.months")}</Table.Th><Table.Th>{t("coupons.until")}</Table.Th><Table.Th>{t("coupons.redemptions")}</Table.Th><Actions /></Table.Tr></Table.Thead>
            <Table.Tbody>{items.map((coupon) => (
              <Table.Tr key={coupon.id}>
                <Table.Td><Text size="sm" fw={600}>{coupon.code}</Text>{coupon.archived_at && <Badge color="gray">{word("state", "archived")}</Badge>}</Table.Td>
                <Table.Td>{coupon.percent != null ? number(coupon.percent / 100, { style: "percent" }) : money(coupon.amount_minor ?? 0, coupon.currency ?? "EUR")}</Table.Td>
                <Table.Td>{coupon.months == null ? t("coupons.forEver") : number(coupon.months)}</Table.Td>
                <Table.Td>{coupon.redeem_by ? time(coupon.redeem_by) : "–"}</Table.Td>
                <Table.Td>{coupon.max_redemptions == null ? number(coupon.redemptions) : t("plan.usedOf", { used: number(coupon.redemptions), limit: number(coupon.max_redemptions) })}</Table.Td>
                <Table.Td><Group justify="flex-end">{!coupon.archived_at && <Button size="xs" variant="default" onClick={() => setGone(coupon)} aria-label={`${t("coupons.end")}: ${coupon.code}`}>{t("coupons.end")}</Button>}</Group></Table.Td>
              </Table.Tr>
            ))}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}</Shown>
      <Modal opened={making} onClose={() => setMaking(false)} title={t("coupons.make")} closeButtonProps={{ "aria-label": t("do.close") }}>{making && <CouponForm onClose={() => setMaking(false)} />}</Modal>
      <Confirm opened={gone !== null} onClose={() => setGone(null)} title={t("coupons.endTitle", { code: gone?.code ?? "" })} action={t("coupons.end")} onConfirm={async () => gone && end.mutateAsync(gone.id)}>{t("coupons.endWhat")}</Confirm>
    </Section>
  );
}
