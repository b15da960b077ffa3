import { Tabs } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useNavigate, useParams } from "react-router-dom";
import { useMe } from "../../api/hooks";
import { Loading, PageHead } from "../../parts/state";
import { useTexts } from "../../texts";
import { NotFound } from "../not-found";
import Members from "./members";

const Keys = lazy(() => import("./keys"));
const Budgets = lazy(() => import("./budgets"));
const Activity = lazy(() => import("./activity"));
const General = lazy(() => import("./general"));

const TABS = ["members", "keys", "budgets", "activity", "general"] as const;
type Tab = (typeof TABS)[number];
const PAGES = { members: Members, keys: Keys, budgets: Budgets, activity: Activity, general: General } satisfies Record<Tab, unknown>;

export default function Workspace() {
  const { t } = useTexts();
  const { workspace = "", tab: named } = useParams();
  const tab = TABS.find((tab) => tab === named) ?? "members";
  const navigate = useNavigate();
  const seat = useMe().data?.workspaces.find((seat) => seat.id === workspace);
  const Page = PAGES[tab];
  if (!seat) return <NotFound />;
  return (
    <>
      <PageHead title={seat.name} note={t(`workspace.${tab}.note`)} />
      <Tabs value={tab} onChange={(value) => navigate(`/workspaces/${workspace}/settings/${value}`)} keepMounted={false}>
        <Tabs.List mb="md" className="tabs" aria-label={t("bot.sections")}>{TABS.map((tab) => <Tabs.Tab key={tab} value={tab}>{t(`workspace.${tab}`)}</Tabs.Tab>)}</Tabs.List>
        {TABS.map((one) => <Tabs.Panel key={one} value={one}><Suspense fallback={<Loading />}><Page key={workspace} workspace={workspace} /></Suspense></Tabs.Panel>)}
      </Tabs>
    </>
  );
}
