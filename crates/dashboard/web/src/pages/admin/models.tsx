import { Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Schemas } from "../../api/client";
import { Meter, Section, Shown } from "../../parts/state";
import { useTexts } from "../../texts";
import { Order } from "./model-order";
import { Providers } from "./model-providers";

function Embedding({ of }: { of: Schemas["EmbeddingProgress"] }) {
  const { t, number } = useTexts();
  return (
    <Section title={t("models.embedding")} note={t("models.embeddingNote")}>
      <Stack gap="xs">
        <Text size="sm" className="words">{of.model ?? t("sys.meaningNone")}</Text>
        {of.problem && <Text size="sm" className="words">{of.problem}</Text>}
        {of.model && of.passages > 0 && <Meter value={of.passages_with_meaning / of.passages} label={t("models.embedded", { done: number(of.passages_with_meaning), all: number(of.passages), bots: number(of.chatbots_under_way) })} />}
      </Stack>
    </Section>
  );
}

export default function Models() {
  const models = useQuery({ queryKey: ["admin", "models"], refetchInterval: 10_000, queryFn: () => ask(api.GET("/api/administration/models")) });
  const providers = useQuery({ queryKey: ["admin", "model-providers"], refetchInterval: 10_000, queryFn: () => ask(api.GET("/api/administration/model-providers")) });
  return (
    <Stack>
      <Shown of={models}>{(told) => <Order told={told} providers={providers.data?.items ?? []} />}</Shown>
      <Providers of={providers} />
      {models.data && <Embedding of={models.data.embedding} />}
    </Stack>
  );
}
