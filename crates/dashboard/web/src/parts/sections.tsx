// A page in several tabs, each with an address of its own.

import { Tabs } from "@mantine/core";
import { Suspense, useEffect, useRef, type ReactNode } from "react";
import { useNavigate } from "react-router-dom";
import { useTexts } from "../texts";
import { Loading } from "./state";

export function Sections<Tab extends string>({ tabs, open, label, at, children }: { tabs: readonly Tab[]; open: Tab; label: (tab: Tab) => string; at: string; children: (tab: Tab) => ReactNode }) {
  const { t } = useTexts();
  const navigate = useNavigate();
  const list = useRef<HTMLDivElement>(null);
  // On a phone the tabs are wider than the page.
  useEffect(() => { list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "center" }); }, [open]);
  return (
    <Tabs value={open} onChange={(tab) => navigate(`${at}/${tab}`)} keepMounted={false}>
      <Tabs.List ref={list} mb="md" className="tabs" aria-label={t("bot.sections")}>{tabs.map((tab) => <Tabs.Tab key={tab} value={tab}>{label(tab)}</Tabs.Tab>)}</Tabs.List>
      {tabs.map((tab) => <Tabs.Panel key={tab} value={tab}><Suspense fallback={<Loading />}>{children(tab)}</Suspense></Tabs.Panel>)}
    </Tabs>
  );
}
