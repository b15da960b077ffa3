// Labels: small, coloured, and readable in light and dark.

import { Badge, CloseButton, Group } from "@mantine/core";
import type { Schemas } from "../../api/client";
import { useTexts } from "../../texts";

type Label = Schemas["Label"];

export const COLOURS = ["gray", "red", "orange", "yellow", "green", "teal", "blue", "violet", "pink"] as const;

/** With `onRemove` each can be taken off. */
export function Labels({ labels, onRemove }: { labels: Label[]; onRemove?: (label: Label) => void }) {
  const { t } = useTexts();
  if (!labels.length) return null;
  return (
    <Group gap={4} component="span">
      {labels.map((label) => (
        <Badge key={label.id} color={label.colour} tt="none" maw="100%" rightSection={onRemove && <CloseButton size={18} iconSize={12} c="inherit" aria-label={t("desk.unlabel", { name: label.name })} onClick={() => onRemove(label)} />}>{label.name}</Badge>
      ))}
    </Group>
  );
}
