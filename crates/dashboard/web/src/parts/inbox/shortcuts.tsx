// The inbox by keyboard. Whoever does not want single letters to do something switches them off (WCAG 2.1.4).

import { Kbd, Modal, Stack, Switch, Table } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useTexts } from "../../texts";

const KEPT = "botsmith-shortcuts";

export const SHORTCUTS = ["j", "k", "r", "e", "/", "?"] as const;
export type Shortcut = (typeof SHORTCUTS)[number];

/** Whether keys are meant for what has the focus. */
function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Calls what a key stands for, unless somebody writes or a dialog is open. */
export function useShortcuts(act: Partial<Record<Shortcut, () => void>>) {
  const [on, setOn] = useState(() => localStorage.getItem(KEPT) !== "off");
  const [help, setHelp] = useState(false);
  const acts = useRef(act);
  acts.current = { ...act, "?": () => setHelp(true) };
  useEffect(() => {
    if (!on) return;
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isWriting(event.target) || document.querySelector("[role=dialog], [role=menu]")) return;
      const found = SHORTCUTS.find((key) => key === event.key);
      const does = found && acts.current[found];
      if (!does) return;
      event.preventDefault();
      does();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [on]);
  const turn = (on: boolean) => {
    setOn(on);
    localStorage.setItem(KEPT, on ? "on" : "off");
  };
  return { on, turn, help, setHelp };
}

export function ShortcutsHelp({ of }: { of: ReturnType<typeof useShortcuts> }) {
  const { t } = useTexts();
  return (
    <Modal opened={of.help} onClose={() => of.setHelp(false)} title={t("desk.shortcuts")} closeButtonProps={{ "aria-label": t("do.close") }}>
      <Stack>
        <Switch label={t("desk.shortcutsOn")} checked={of.on} onChange={(event) => of.turn(event.currentTarget.checked)} />
        <Table aria-label={t("desk.shortcuts")}>
          <Table.Tbody>{SHORTCUTS.map((key) => <Table.Tr key={key}><Table.Th scope="row" w={60}><Kbd>{key}</Kbd></Table.Th><Table.Td>{t(`desk.key.${key}`)}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      </Stack>
    </Modal>
  );
}
