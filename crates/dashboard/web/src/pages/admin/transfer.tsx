// Moving a chatbot to another workspace: where to, what moves, what stands against it, and why.

import { Alert, Button, Group, List, Select, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Shown, Wrong } from "../../parts/state";
import { useTexts, type Text as Name } from "../../texts";

type Chatbot = Schemas["ChatbotOverview"];
type Move = Schemas["Transfer"];

/** What is counted, in the order in which it is shown. */
const COUNTED = ["integrations", "sources", "documents", "tools", "versions", "golden_questions", "conversations", "messages", "waiting", "unsent", "contacts", "leads", "copied_leads", "kept_labels", "kept_assignments", "lost_assignments"] as const;

function Where({ bot, value, onChange }: { bot: Chatbot; value: string | null; onChange: (value: string | null) => void }) {
  const { t } = useTexts();
  const [typed, setTyped] = useState("");
  const [q] = useDebouncedValue(typed.trim(), 300);
  const found = useQuery({ queryKey: ["admin", "workspaces", "named", q], placeholderData: keepPreviousData, queryFn: () => ask(api.GET("/api/administration/workspaces", { params: { query: { q: q || undefined, limit: 50 } } })) });
  const [chosen, setChosen] = useState<{ value: string; label: string } | null>(null);
  const options = (found.data?.items ?? []).filter(({ id }) => id !== bot.workspace_id).map(({ id, name }) => ({ value: id, label: name }));
  // What is chosen stays among them, whatever is typed.
  const data = chosen && !options.some((option) => option.value === chosen.value) ? [chosen, ...options] : options;
  return (
    <>
      <Select label={t("move.where")} description={t("move.whereHint")} required searchable value={value} data={data} filter={({ options }) => options} nothingFoundMessage={t("move.nowhere")} onSearchChange={(text) => setTyped(text === chosen?.label ? "" : text)} onChange={(id, option) => { setChosen(option); onChange(id); }} data-autofocus />
      {found.error && <Wrong error={found.error} />}
    </>
  );
}

function What({ move }: { move: Move }) {
  const { t, number } = useTexts();
  const counted = COUNTED.filter((name) => move.moves[name] > 0);
  return (
    <Stack gap="sm">
      {move.obstacles.length > 0 && (
        <Alert color="red" title={t("move.against")} role="status"><List size="sm">{move.obstacles.map(({ what, detail, count }) => <List.Item key={what}>{what === "limit" ? detail : t(`move.against.${what}` as Name, { count: number(count) })}</List.Item>)}</List></Alert>
      )}
      <div>
        <Text fw={600} size="sm">{t("move.moves", { from: move.from.workspace_name, to: move.to.workspace_name })}</Text>
        <List size="sm">{counted.map((name) => <List.Item key={name}>{t(`move.count.${name}` as Name, { count: number(move.moves[name]) })}</List.Item>)}{move.moves.lost_labels.length > 0 && <List.Item className="words">{t("move.lostLabels", { names: move.moves.lost_labels.join(", ") })}</List.Item>}</List>
      </div>
      <div>
        <Text fw={600} size="sm">{t("move.stays")}</Text>
        <List size="sm">{move.stays.map(({ what }) => <List.Item key={what}>{t(`move.stays.${what}` as Name)}</List.Item>)}</List>
      </div>
    </Stack>
  );
}

/** The dialog. `onDone` is told what moved. */
export function Transfer({ bot, onClose, onDone }: { bot: Chatbot; onClose: () => void; onDone: (move: Move) => void }) {
  const { t } = useTexts();
  const [where, setWhere] = useState<string | null>(null);
  const [reason, setReason] = useState("");
  const path = { chatbot_id: bot.id };
  // Not below "admin": what has moved needs no preview any more, and has none.
  const preview = useQuery({ queryKey: ["transfer", bot.id, where], enabled: where !== null, queryFn: () => ask(api.GET("/api/administration/chatbots/{chatbot_id}/transfer", { params: { path, query: { workspace_id: where ?? "" } } })) });
  const move = useAct(async () => ask(api.POST("/api/administration/chatbots/{chatbot_id}/transfer", { params: { path }, body: { workspace_id: where ?? "", reason } })), ["admin"], ["chatbot", bot.id]);
  return (
    <form onSubmit={(event) => { event.preventDefault(); move.mutate(undefined, { onSuccess: onDone }); }}>
      <Stack>
        <Text size="sm">{t("move.what")}</Text>
        <Where bot={bot} value={where} onChange={setWhere} />
        {where && <Shown of={preview}>{(found) => <What move={found} />}</Shown>}
        <TextInput label={t("abots.reason")} description={t("move.reasonHint")} required maxLength={300} value={reason} onChange={(event) => setReason(event.currentTarget.value)} />
        {move.error && <Wrong error={move.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" color="red" loading={move.isPending} disabled={!where || !preview.data || preview.data.obstacles.length > 0}>{t("move.do")}</Button></Group>
      </Stack>
    </form>
  );
}
