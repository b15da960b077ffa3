import { Button } from "@mantine/core";
import { Link } from "react-router-dom";
import { Empty, PageHead } from "../parts/state";
import { useTexts } from "../texts";

export function NotFound() {
  const { t } = useTexts();
  return (
    <>
      <PageHead title={t("lost.title")} />
      <Empty title={t("lost.nothing")} action={<Button component={Link} to="/" variant="default">{t("lost.home")}</Button>} />
    </>
  );
}
