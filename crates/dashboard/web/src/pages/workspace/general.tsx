import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useNavigate } from "react-router-dom";
import { api, ask } from "../../api/client";
import { useMe } from "../../api/hooks";
import { useAct } from "../../parts/act";
import { useMay } from "../../parts/role";
import { Section, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

function Rename({ workspace }: { workspace: string }) {
  const { t } = useTexts();
  const owner = useMay(workspace, "owner");
  const [name, setName] = useState(useMe().data?.workspaces.find((seat) => seat.id === workspace)?.name ?? "");
  const save = useAct(async () => ask(api.PATCH("/api/workspaces/{workspace_id}", { params: { path: { workspace_id: workspace } }, body: { name } })), ["me"], ["activity", workspace]);
  return (
    <Section title={t("general.name")} note={owner ? undefined : t("role.ownersOnly")}>
      <form onSubmit={(event) => { event.preventDefault(); save.mutate(undefined); }}>
        <Stack>
          <TextInput label={t("general.nameLabel")} required disabled={!owner} value={name} onChange={(event) => setName(event.currentTarget.value)} />
          {save.error && <Wrong error={save.error} />}
          {owner && <Group><Button type="submit" loading={save.isPending}>{t("do.save")}</Button>{save.isSuccess && <Text size="sm" role="status">{t("saved.done")}</Text>}</Group>}
        </Stack>
      </form>
    </Section>
  );
}

function Another() {
  const { t } = useTexts();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const make = useAct(async () => ask(api.POST("/api/workspaces", { body: { name } })), ["me"]);
  return (
    <Section title={t("general.another")} note={t("general.anotherNote")}>
      <form onSubmit={(event) => { event.preventDefault(); make.mutate(undefined, { onSuccess: ({ id }) => navigate(`/workspaces/${id}/chatbots`) }); }}>
        <Stack>
          <TextInput label={t("general.anotherLabel")} required value={name} onChange={(event) => setName(event.currentTarget.value)} />
          {make.error && <Wrong error={make.error} />}
          <Group><Button type="submit" variant="default" loading={make.isPending}>{t("general.create")}</Button></Group>
        </Stack>
      </form>
    </Section>
  );
}

export default function General({ workspace }: { workspace: string }) {
  return <Stack maw={640}><Rename workspace={workspace} /><Another /></Stack>;
}
