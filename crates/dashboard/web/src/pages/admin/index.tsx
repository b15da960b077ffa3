import { lazy } from "react";
import { useParams } from "react-router-dom";
import { useMe } from "../../api/hooks";
import { Sections } from "../../parts/sections";
import { Empty, PageHead } from "../../parts/state";
import { useTexts } from "../../texts";

const PAGES = {
  overview: lazy(() => import("./overview")),
  users: lazy(() => import("./users")),
  workspaces: lazy(() => import("./workspaces")),
  chatbots: lazy(() => import("./chatbots")),
  conversations: lazy(() => import("./conversations")),
  system: lazy(() => import("./system")),
  activity: lazy(() => import("./activity")),
  leads: lazy(() => import("./leads")),
  revenue: lazy(() => import("./revenue")),
  prices: lazy(() => import("./prices")),
};
type Tab = keyof typeof PAGES;
const TABS = Object.keys(PAGES) as Tab[];

export default function Admin() {
  const { t } = useTexts();
  const { tab: named } = useParams();
  const tab = TABS.find((tab) => tab === named) ?? "overview";
  const may = useMe().data?.user.is_administrator;
  return (
    <>
      <PageHead title={t("admin.title")} note={may && t(`admin.${tab}.note`)} />
      {may
        ? <Sections tabs={TABS} open={tab} label={(tab) => t(`admin.${tab}`)} at="/admin">{(tab) => { const Page = PAGES[tab]; return <Page />; }}</Sections>
        : <Empty title={t("admin.refused")}>{t("admin.refusedHint")}</Empty>}
    </>
  );
}
