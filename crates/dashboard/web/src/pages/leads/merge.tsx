import { Button, Group, Radio, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { useAct } from "../../parts/act";
import { TextFilter } from "../../parts/filters";
import { Loading, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";
import { called, type Lead } from "./shared";

/** The other lead who is the same person: it goes, and this one has its conversations. */
export function Merge({ workspace, into, onClose, onDone }: { workspace: string; into: Lead; onClose: () => void; onDone: (id: string) => void }) {
  const { t, word } = useTexts();
  const [sought, setSought] = useState("");
  const [from, setFrom] = useState("");
  const path = { workspace_id: workspace };
  const found = useQuery({ queryKey: ["leads", workspace, "merge", sought], queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/leads", { params: { path, query: { q: sought || undefined, limit: 20 } } })) });
  const merge = useAct(async () => ask(api.POST("/api/workspaces/{workspace_id}/leads/{lead_id}/merge", { params: { path: { ...path, lead_id: into.id } }, body: { from_lead_id: from } })), ["leads", workspace], ["lead", into.id], ["lead-stages", workspace]);
  const others = (found.data?.items ?? []).filter((lead) => lead.id !== into.id);
  return (
    <Stack gap="sm">
      <TextFilter label={t("alead.search")} value={sought} onChange={setSought} />
      {found.error ? <Wrong error={found.error} /> : !found.data ? <Loading /> : !others.length ? <Text size="sm" c="dimmed">{t("leads.mergeNone")}</Text> : (
        <Radio.Group label={t("leads.mergeFrom")} value={from} onChange={setFrom}>
          <Stack gap={6} mt={6}>{others.map((lead) => <Radio key={lead.id} value={lead.id} label={<span className="words">{[called(lead), lead.email, lead.phone].filter((part, at, all) => part && all.indexOf(part) === at).join(" · ")}{lead.platforms.length ? ` (${lead.platforms.map((platform) => word("platform", platform)).join(", ")})` : ""}</span>} />)}</Stack>
        </Radio.Group>
      )}
      {merge.error && <Wrong error={merge.error} />}
      <Group><Button onClick={() => merge.mutate(undefined, { onSuccess: () => { onClose(); onDone(into.id); } })} loading={merge.isPending} disabled={!from}>{t("leads.mergeDo")}</Button><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button></Group>
      <Text size="xs" c="dimmed">{t("leads.mergeFinal")}</Text>
    </Stack>
  );
}
