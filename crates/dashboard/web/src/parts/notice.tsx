import { Alert, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import { useTexts } from "../texts";

/** What administrators tell everybody, above every page. */
export function Notice() {
  const { t, language } = useTexts();
  const notice = useQuery({ queryKey: ["notice"], refetchInterval: 60_000, queryFn: () => ask(api.GET("/api/notice")) });
  const { text_en, text_de } = notice.data ?? {};
  const text = (language === "de" && text_de) || text_en;
  if (!text) return null;
  return <Alert color="blue" mb="md" title={t("notice.heading")} role="note" aria-label={t("notice.heading")}><Text size="sm" className="words">{text}</Text></Alert>;
}
