import { lazy } from "react";
import { useParams } from "react-router-dom";
import { useMe } from "../../api/hooks";
import { Sections } from "../../parts/sections";
import { PageHead } from "../../parts/state";
import { useTexts } from "../../texts";
import { NotFound } from "../not-found";
import Members from "./members";

const Keys = lazy(() => import("./keys"));
const Plan = lazy(() => import("./plan"));
const Budgets = lazy(() => import("./budgets"));
const Webhooks = lazy(() => import("./webhooks"));
const Privacy = lazy(() => import("./privacy"));
const Activity = lazy(() => import("./activity"));
const Desk = lazy(() => import("./inbox"));
const General = lazy(() => import("./general"));

const TABS = ["members", "inbox", "keys", "webhooks", "privacy", "plan", "budgets", "activity", "general"] as const;
type Tab = (typeof TABS)[number];
const PAGES = {
  members: Members, inbox: Desk, keys: Keys, webhooks: Webhooks, privacy: Privacy, plan: Plan, budgets: Budgets, activity: Activity, general: General,
} satisfies Record<Tab, unknown>;

export default function Workspace() {
  const { t } = useTexts();
  const { workspace = "", tab: named } = useParams();
  const tab = TABS.find((tab) => tab === named) ?? "members";
  const seat = useMe().data?.workspaces.find((seat) => seat.id === workspace);
  if (!seat) return <NotFound />;
  return (
    <>
      <PageHead title={seat.name} note={t(`workspace.${tab}.note`)} />
      <Sections tabs={TABS} open={tab} label={(tab) => t(`workspace.${tab}`)} at={`/workspaces/${workspace}/settings`}>{(tab) => { const Page = PAGES[tab]; return <Page key={workspace} workspace={workspace} />; }}</Sections>
    </>
  );
}
