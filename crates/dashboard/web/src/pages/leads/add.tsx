import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { api, ask } from "../../api/client";
import { useAct } from "../../parts/act";
import { Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

/** Somebody whom a member knows from elsewhere. */
export default function Add({ workspace, onClose }: { workspace: string; onClose: () => void }) {
  const { t } = useTexts();
  const [typed, setTyped] = useState({ name: "", email: "", phone: "" });
  const add = useAct(async () => ask(api.POST("/api/workspaces/{workspace_id}/leads", { params: { path: { workspace_id: workspace } }, body: { name: typed.name || null, email: typed.email || null, phone: typed.phone || null, fields: {} } })), ["leads", workspace]);
  const save = (event: FormEvent) => { event.preventDefault(); add.mutate(undefined, { onSuccess: onClose }); };
  const part = (name: keyof typeof typed) => ({ value: typed[name], maxLength: 200, onChange: (event: { currentTarget: { value: string } }) => setTyped({ ...typed, [name]: event.currentTarget.value }) });
  return (
    <Modal opened onClose={onClose} title={t("leads.add")} closeButtonProps={{ "aria-label": t("do.close") }}>
      <form onSubmit={save}>
        <Stack>
          <TextInput label={t("col.name")} {...part("name")} data-autofocus />
          <TextInput label={t("leads.email")} type="email" {...part("email")} />
          <TextInput label={t("leads.phone")} type="tel" {...part("phone")} />
          {add.error && <Wrong error={add.error} />}
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t("do.cancel")}</Button><Button type="submit" loading={add.isPending} disabled={!Object.values(typed).some((text) => text.trim())}>{t("leads.add")}</Button></Group>
        </Stack>
      </form>
    </Modal>
  );
}
