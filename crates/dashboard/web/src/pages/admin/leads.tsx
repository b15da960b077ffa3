import { Button, Group, Table, Text } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router-dom";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { ChoiceFilter, Filters, TextFilter, useFilters } from "../../parts/filters";
import { Paged, usePaged } from "../../parts/paged";
import { said } from "../../parts/said";
import { Actions, Confirm, Empty, Section } from "../../parts/state";
import { useTexts } from "../../texts";
import { useTitled, WorkspaceFilter } from "./shared";

type Lead = Schemas["LeadOverview"];

const called = (lead: Lead) => lead.name || lead.email || lead.phone || lead.id;

function Row({ lead, onErase }: { lead: Lead; onErase: () => void }) {
  const { t, time } = useTexts();
  const titled = useTitled();
  const name = called(lead);
  const others = [lead.email, lead.phone].filter((other): other is string => Boolean(other) && other !== name);
  return (
    <Table.Tr>
      <Table.Td><Text size="sm" fw={600} className="words">{name}</Text>{others.map((other) => <Text key={other} size="xs" className="words">{other}</Text>)}</Table.Td>
      <Table.Td><Text size="xs" className="words">{said(lead.fields) || "–"}</Text></Table.Td>
      <Table.Td><Text size="sm">{lead.consented_at ? t("alead.agreedAt", { time: time(lead.consented_at) }) : t("alead.notAgreed")}</Text>{lead.consent_text && <Text size="xs" c="dimmed" className="words">{lead.consent_text}</Text>}</Table.Td>
      <Table.Td><Text size="sm" className="words">{lead.chatbot_id ? <Link to={`/admin/leads?chatbot_id=${lead.chatbot_id}`}>{lead.chatbot_name}</Link> : t("alead.noBot")}{lead.platforms.map((platform) => ` · ${titled(platform)}`).join("")}</Text><Text size="xs" c="dimmed" className="words">{lead.workspace_name} · {lead.stage_name}</Text></Table.Td>
      <Table.Td><Text size="sm" style={{ whiteSpace: "nowrap" }}>{time(lead.created_at)}</Text></Table.Td>
      <Table.Td><Group gap="xs" justify="flex-end" wrap="nowrap">
        {lead.conversation_id && <Button component={Link} to={`/admin/conversations?conversation=${lead.conversation_id}`} size="xs" variant="default" aria-label={`${t("alead.talk")}: ${name}`}>{t("alead.talk")}</Button>}
        <Button size="xs" variant="default" onClick={onErase} aria-label={`${t("alead.erase")}: ${name}`}>{t("alead.erase")}</Button>
      </Group></Table.Td>
    </Table.Tr>
  );
}

export default function Leads() {
  const { t } = useTexts();
  const { chosen, set } = useFilters(["q", "workspace_id", "chatbot_id", "consented"]);
  const [gone, setGone] = useState<Lead | null>(null);
  const { chatbot_id, consented } = chosen;
  const leads = usePaged(["admin", "leads", chosen], (after) => ask(api.GET("/api/administration/leads", { params: { query: { ...chosen, consented: consented === undefined ? undefined : consented === "true", after } } })));
  const erase = useAct((lead_id: string) => ask(api.POST("/api/administration/leads/{lead_id}/erase", { params: { path: { lead_id } } })), ["admin"]);
  const botName = leads.data?.pages.flatMap((page) => page.items).find((lead) => lead.chatbot_id === chatbot_id)?.chatbot_name;
  return (
    <Section title={t("admin.leads")}>
      <Filters>
        <TextFilter label={t("alead.search")} value={chosen.q} onChange={(value) => set("q", value)} />
        <WorkspaceFilter value={chosen.workspace_id} onChange={(value) => set("workspace_id", value)} />
        <ChoiceFilter label={t("alead.consent")} value={consented} onChange={(value) => set("consented", value)} options={[{ value: "true", label: t("alead.agreed") }, { value: "false", label: t("alead.notAgreed") }]} />
        {chatbot_id && <ChoiceFilter label={t("inbox.chatbot")} value={chatbot_id} onChange={(value) => set("chatbot_id", value)} options={[{ value: chatbot_id, label: botName ?? chatbot_id }]} />}
      </Filters>
      {erase.isSuccess && <Text size="sm" mb="sm" role="status">{t("alead.erased")}</Text>}
      <Paged of={leads} empty={<Empty title={t("alead.none")}>{t("alead.noneHint")}</Empty>}>
        {(items) => (
          <Table.ScrollContainer minWidth={920}>
            <Table verticalSpacing="sm" aria-label={t("admin.leads")}>
              <Table.Thead><Table.Tr><Table.Th>{t("col.person")}</Table.Th><Table.Th>{t("alead.said")}</Table.Th><Table.Th>{t("alead.consent")}</Table.Th><Table.Th>{t("inbox.chatbot")}</Table.Th><Table.Th>{t("alead.first")}</Table.Th><Actions /></Table.Tr></Table.Thead>
              <Table.Tbody>{items.map((lead) => <Row key={lead.id} lead={lead} onErase={() => setGone(lead)} />)}</Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Paged>
      <Confirm opened={gone !== null} onClose={() => setGone(null)} title={t("alead.eraseTitle", { name: gone ? called(gone) : "" })} name={gone ? called(gone) : undefined} action={t("alead.erase")} onConfirm={async () => gone && erase.mutateAsync(gone.id)}>{t("alead.eraseWhat")}</Confirm>
    </Section>
  );
}
