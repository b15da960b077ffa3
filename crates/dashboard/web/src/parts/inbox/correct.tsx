// An answer that should have been another: the right one becomes knowledge.

import { Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useTexts } from "../../texts";
import { useAct } from "../act";
import { Wrong } from "../state";

export default function Correct({ one, message, onClose }: { one: Schemas["Conversation"]; message: Schemas["Message"]; onClose: () => void }) {
  const { t } = useTexts();
  const [question, setQuestion] = useState(message.journey.answer?.question ?? "");
  const [answer, setAnswer] = useState(message.text);
  const path = { conversation_id: one.id, message_id: message.id };
  const correct = useAct(async () => ask(api.POST("/api/conversations/{conversation_id}/messages/{message_id}/correction", { params: { path }, body: { question, answer } })), ["sources", one.chatbot_id], ["unanswered", one.chatbot_id]);
  return (
    <Modal opened onClose={onClose} title={t("desk.correct")} size="lg" closeButtonProps={{ "aria-label": t("do.close") }}>
      {correct.data
        ? <Stack><Text size="sm" role="status">{t("desk.corrected")}</Text><Group justify="flex-end"><Button onClick={onClose}>{t("do.close")}</Button></Group></Stack>
        : (
          <form onSubmit={(event) => { event.preventDefault(); correct.mutate(undefined); }}>
            <Stack>
              <Text size="sm">{t("desk.correctWhat", { name: one.chatbot_name })}</Text>
              <Textarea label={t("desk.question")} required minRows={1} value={question} onChange={(event) => setQuestion(event.currentTarget.value)} />
              <Textarea label={t("desk.answer")} required value={answer} onChange={(event) => setAnswer(event.currentTarget.value)} data-autofocus />
              {correct.error && <Wrong error={correct.error} />}
              <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={correct.isPending} disabled={!question.trim() || !answer.trim()}>{t("desk.correctDo")}</Button></Group>
            </Stack>
          </form>
        )}
    </Modal>
  );
}
