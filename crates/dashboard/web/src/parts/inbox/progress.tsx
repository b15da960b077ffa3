// Whether there is something left to do in a conversation: resolving, snoozing, opening again.

import { Badge, Button, Group, Menu, Modal, Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useTexts } from "../../texts";
import { useAct } from "../act";
import { Wrong } from "../state";

type Conversation = Schemas["Conversation"];

const at = (days: number, hour: number) => {
  const time = new Date();
  time.setDate(time.getDate() + days);
  time.setHours(hour, 0, 0, 0);
  return time;
};
/** From a Monday on it is the next one. */
const toMonday = () => ((8 - new Date().getDay()) % 7) || 7;

const LATER = {
  hour: () => new Date(Date.now() + 3_600_000),
  tomorrow: () => at(1, 9),
  monday: () => at(toMonday(), 9),
};

/** As an input of dates and times has it, in the reader's own time. */
const local = (time: Date) => new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

function Choose({ onChosen, onClose }: { onChosen: (until: Date) => void; onClose: () => void }) {
  const { t } = useTexts();
  const [until, setUntil] = useState(local(at(1, 9)));
  return (
    <Modal opened onClose={onClose} title={t("desk.snooze")} closeButtonProps={{ "aria-label": t("do.close") }}>
      <form onSubmit={(event) => { event.preventDefault(); onChosen(new Date(until)); }}>
        <Stack>
          <TextInput type="datetime-local" label={t("desk.snoozeUntil")} required min={local(new Date())} value={until} onChange={(event) => setUntil(event.currentTarget.value)} data-autofocus />
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit">{t("desk.snooze")}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** Resolve, or open again. */
export function useResolve(one?: Pick<Conversation, "id" | "state">) {
  const path = { conversation_id: one?.id ?? "" };
  const isOpen = one?.state === "open";
  return useAct(async () => {
    if (!one) return undefined;
    return isOpen ? ask(api.POST("/api/conversations/{conversation_id}/resolve", { params: { path } })) : ask(api.POST("/api/conversations/{conversation_id}/reopen", { params: { path } }));
  }, ["conversation", one?.id], ["conversations"], ["counts"]);
}

export function Progress({ one }: { one: Conversation }) {
  const { t, time, word } = useTexts();
  const [choosing, setChoosing] = useState(false);
  const resolve = useResolve(one);
  const snooze = useAct((until: Date) => ask(api.POST("/api/conversations/{conversation_id}/snooze", { params: { path: { conversation_id: one.id } }, body: { until: until.toISOString() } })), ["conversation", one.id], ["conversations"], ["counts"]);
  const open = one.state === "open";
  return (
    <>
      <Group gap="xs">
        {!open && <Badge color={one.state === "resolved" ? "green" : "orange"} tt="none">{word("talk", one.state)}{one.snoozed_until && ` ${t("desk.until.time", { time: time(one.snoozed_until) })}`}</Badge>}
        <Button variant="default" size="xs" onClick={() => resolve.mutate(undefined)} loading={resolve.isPending}>{t(open ? "desk.resolve" : "desk.reopen")}</Button>
        {open && (
          <Menu position="bottom-end" withinPortal={false}>
            <Menu.Target><Button variant="default" size="xs" loading={snooze.isPending}>{t("desk.snooze")}</Button></Menu.Target>
            <Menu.Dropdown>
              {Object.entries(LATER).map(([name, until]) => <Menu.Item key={name} onClick={() => snooze.mutate(until())}>{t(`desk.later.${name as keyof typeof LATER}`)}</Menu.Item>)}
              <Menu.Item onClick={() => setChoosing(true)}>{t("desk.later.choose")}</Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      </Group>
      {choosing && <Choose onClose={() => setChoosing(false)} onChosen={(until) => { setChoosing(false); snooze.mutate(until); }} />}
      {[resolve.error, snooze.error].map((error, at) => error && <Wrong key={at} error={error} />)}
    </>
  );
}
