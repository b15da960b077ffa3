// What several pages of the administration ask for and show.

import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router-dom";
import { api, ask } from "../../api/client";
import { MANY, useMe, usePlatforms } from "../../api/hooks";
import { ChoiceFilter } from "../../parts/filters";
import { useTexts } from "../../texts";

export function WorkspaceFilter({ value, onChange }: { value?: string; onChange: (value: string) => void }) {
  const { t } = useTexts();
  const workspaces = useQuery({ queryKey: ["admin", "workspaces", "first"], staleTime: 60_000, queryFn: () => ask(api.GET("/api/administration/workspaces", { params: { query: { limit: MANY } } })) });
  return <ChoiceFilter label={t("nav.workspace")} value={value} onChange={onChange} options={(workspaces.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))} />;
}

export function PlatformFilter({ value, onChange }: { value?: string; onChange: (value: string) => void }) {
  const { t } = useTexts();
  const platforms = usePlatforms();
  return <ChoiceFilter label={t("col.channel")} value={value} onChange={onChange} options={(platforms.data?.items ?? []).map(({ platform, title }) => ({ value: platform, label: title }))} />;
}

/** What a platform calls itself. */
export function useTitled() {
  const platforms = usePlatforms();
  return (name: string) => platforms.data?.items.find(({ platform }) => platform === name)?.title ?? name;
}

/** Administrators open only what is in a workspace of theirs; the rest they see from outside. */
export function useIsMine() {
  const me = useMe().data;
  return (workspace?: string | null) => Boolean(me?.workspaces.some(({ id }) => id === workspace));
}

/** A number that leads to where something can be done about it. */
export function Figure({ label, value, to, children }: { label: string; value: string; to: string; children?: ReactNode }) {
  return (
    <div>
      <Link to={to} className="plain"><Text component="span" display="block" fz={26} fw={700} lh={1.15}>{value}</Text><Text component="span" display="block" size="sm" td="underline">{label}</Text></Link>
      {children && <Text size="xs" c="dimmed">{children}</Text>}
    </div>
  );
}

export function useBytes() {
  const { number } = useTexts();
  return (bytes: number) => {
    const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
    const size = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
    return number(bytes / 1000 ** size, { style: "unit", unit: units[size], maximumFractionDigits: size ? 1 : 0 });
  };
}

/** How long something has been so, in its two largest units. */
export function useLong() {
  const { number } = useTexts();
  return (seconds: number) => {
    const parts: [number, string][] = [[Math.floor(seconds / 86_400), "day"], [Math.floor(seconds / 3600) % 24, "hour"], [Math.floor(seconds / 60) % 60, "minute"], [Math.floor(seconds) % 60, "second"]];
    const first = Math.max(0, parts.findIndex(([count]) => count > 0));
    const shown = seconds < 1 ? parts.slice(-1) : parts.slice(first, first + 2).filter(([count]) => count > 0);
    return shown.map(([count, unit]) => number(count, { style: "unit", unit, unitDisplay: "short" })).join(" ");
  };
}
