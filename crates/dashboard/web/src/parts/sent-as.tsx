// What a text will become on its platform, while it is written.

import { Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Schemas } from "../api/client";
import { useTexts } from "../texts";

export function SentAs({ one, text }: { one: Schemas["Conversation"]; text: string }) {
  const { t, number } = useTexts();
  const [written] = useDebouncedValue(text.trim(), 400);
  const path = { platform: one.platform, chatbot_id: one.chatbot_id };
  const preview = useQuery({
    queryKey: ["preview", one.platform, one.chatbot_id, written], enabled: written !== "", placeholderData: (before) => before,
    queryFn: () => ask(api.POST("/api/{platform}/{chatbot_id}/preview", { params: { path }, body: { text: written } })),
  });
  if (!written || !text.trim()) return null;
  if (preview.error) return <Text size="xs" c="dimmed" role="status">{preview.error.message}</Text>;
  if (!preview.data) return null;
  const { messages, segments, encoding } = preview.data;
  const said = [
    ...(messages.length > 1 ? [t("sentAs.messages", { count: number(messages.length) })] : []),
    ...(segments != null ? [t("sentAs.segments", { count: number(segments) })] : []), ...(encoding ? [encoding] : []),
  ];
  if (!said.length) return null;
  return <Text size="xs" c="dimmed" role="status">{said.join(" · ")}</Text>;
}
