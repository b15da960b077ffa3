import { Stack } from "@mantine/core";
import { useMe } from "../../api/hooks";
import { Budgets } from "../../parts/budgets";
import { PageHead } from "../../parts/state";
import { useTexts } from "../../texts";
import { NotFound } from "../not-found";
import { Prices } from "./prices";

export default function Installation() {
  const { t } = useTexts();
  if (!useMe().data?.user.is_administrator) return <NotFound />;
  return (
    <>
      <PageHead title={t("installation.title")} note={t("installation.note")} />
      <Stack><Prices /><Budgets of="installation" scopes={["installation"]} may note={t("budget.installationNote")} /></Stack>
    </>
  );
}
