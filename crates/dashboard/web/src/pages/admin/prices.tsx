import { Stack } from "@mantine/core";
import { Budgets } from "../../parts/budgets";
import { useTexts } from "../../texts";
import { PriceList } from "./price-list";

export default function Prices() {
  const { t } = useTexts();
  return <Stack><PriceList /><Budgets of="installation" scopes={["installation"]} may note={t("budget.installationNote")} /></Stack>;
}
