// Revenue: figures, workspaces, plans, coupons, invoices and Stripe, each a part with an address of its own.

import { Tabs } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useSearchParams } from "react-router-dom";
import { Loading } from "../../parts/state";
import { useTexts } from "../../texts";
import Figures from "./revenue/figures";

const PARTS = {
  figures: Figures,
  workspaces: lazy(() => import("./revenue/workspaces")),
  invoices: lazy(() => import("./revenue/invoices")),
  plans: lazy(() => import("./revenue/plans")),
  coupons: lazy(() => import("./revenue/coupons")),
  stripe: lazy(() => import("./revenue/stripe")),
};
type Part = keyof typeof PARTS;
const NAMES = Object.keys(PARTS) as Part[];

export default function Revenue() {
  const { t } = useTexts();
  const [query, setQuery] = useSearchParams();
  const part = NAMES.find((name) => name === query.get("part")) ?? "figures";
  return (
    <Tabs value={part} onChange={(next) => setQuery(next ? { part: next } : {})} keepMounted={false} variant="pills">
      <Tabs.List mb="md" className="tabs" aria-label={t("revenue.parts")}>{NAMES.map((name) => <Tabs.Tab key={name} value={name}>{t(`revenue.${name}`)}</Tabs.Tab>)}</Tabs.List>
      {NAMES.map((name) => { const Shown = PARTS[name]; return <Tabs.Panel key={name} value={name}><Suspense fallback={<Loading />}><Shown /></Suspense></Tabs.Panel>; })}
    </Tabs>
  );
}
