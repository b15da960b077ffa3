import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { api, ask } from "../../api/client";
import { useAct } from "../../parts/act";
import { Loading, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";
import { useStages, type Stage } from "./shared";

interface Given {
  id?: string;
  name: string;
  leads: number;
}

function Form({ workspace, stages, onClose }: { workspace: string; stages: Stage[]; onClose: () => void }) {
  const { t, word, number } = useTexts();
  const [given, setGiven] = useState<Given[]>(stages);
  // A default one is kept by its word, and shown in the reader's language, until it is called otherwise.
  const shown = (stage: Given) => word("leadStage", stage.name);
  const save = useAct(async () => ask(api.PUT("/api/workspaces/{workspace_id}/lead-stages", { params: { path: { workspace_id: workspace } }, body: { stages: given.map(({ id, name }) => ({ id, name })) } })), ["lead-stages", workspace], ["leads", workspace]);
  const move = (at: number, by: number) => setGiven(given.toSpliced(at, 1).toSpliced(at + by, 0, given[at] as Given));
  const submit = (event: FormEvent) => { event.preventDefault(); save.mutate(undefined, { onSuccess: onClose }); };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text size="sm">{t("leads.stagesWhat")}</Text>
        {given.map((stage, at) => (
          <Group key={stage.id ?? `new-${at}`} gap="xs" align="flex-end">
            <TextInput style={{ flex: "1 1 160px" }} label={t("leads.stageNumber", { number: at + 1 })} description={t("leads.stageLeads", { count: number(stage.leads) })} required maxLength={60} value={shown(stage)} onChange={(event) => setGiven(given.with(at, { ...stage, name: event.currentTarget.value }))} />
            <Button size="xs" variant="default" disabled={at === 0} onClick={() => move(at, -1)} aria-label={`${t("leads.up")}: ${shown(stage)}`}>↑</Button>
            <Button size="xs" variant="default" disabled={at === given.length - 1} onClick={() => move(at, 1)} aria-label={`${t("leads.down")}: ${shown(stage)}`}>↓</Button>
            <Button size="xs" variant="default" disabled={stage.leads > 0 || given.length === 1} onClick={() => setGiven(given.toSpliced(at, 1))} aria-label={`${t("do.remove")}: ${shown(stage)}`}>{t("do.remove")}</Button>
          </Group>
        ))}
        {given.length < 20 && <Group><Button size="xs" variant="default" onClick={() => setGiven([...given, { name: "", leads: 0 }])}>{t("leads.addStage")}</Button></Group>}
        {save.error && <Wrong error={save.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={save.isPending}>{t("do.save")}</Button></Group>
      </Stack>
    </form>
  );
}

export default function Stages({ workspace, onClose }: { workspace: string; onClose: () => void }) {
  const { t } = useTexts();
  const stages = useStages(workspace);
  return (
    <Modal opened onClose={onClose} title={t("leads.stages")} size="lg" closeButtonProps={{ "aria-label": t("do.close") }}>
      {stages.error && <Wrong error={stages.error} />}
      {stages.data ? <Form workspace={workspace} stages={stages.data.items} onClose={onClose} /> : <Loading />}
    </Modal>
  );
}
