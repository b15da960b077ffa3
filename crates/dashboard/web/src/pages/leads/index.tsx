// Everybody who said something of themselves: where they stand, and who looks after them.

import { Badge, Button, Group, Table, Text } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { Link, useParams } from "react-router-dom";
import { api, ask } from "../../api/client";
import { useChatbots, useMe, usePlatforms } from "../../api/hooks";
import { ChoiceFilter, Filters, TextFilter, useFilters } from "../../parts/filters";
import { Paged, usePaged } from "../../parts/paged";
import { useMay } from "../../parts/role";
import { Actions, Empty, PageHead, Section } from "../../parts/state";
import { useTexts } from "../../texts";
import { NotFound } from "../not-found";
import { called, useMembers, useStages, type Lead } from "./shared";

const Panel = lazy(() => import("./panel"));
const Add = lazy(() => import("./add"));
const BringIn = lazy(() => import("./bring-in"));
const Stages = lazy(() => import("./stages"));

const FILTERS = ["q", "stage_id", "chatbot_id", "platform", "assignee_id", "consented"] as const;
/** Stands for "nobody" among the members. */
const NOBODY = "none";

function Row({ lead, workspace, onOpen }: { lead: Lead; workspace: string; onOpen: () => void }) {
  const { t, time, word } = useTexts();
  const name = called(lead);
  const others = [lead.email, lead.phone].filter((other): other is string => Boolean(other) && other !== name);
  return (
    <Table.Tr>
      <Table.Td><Text size="sm" fw={600} className="words">{name}</Text>{others.map((other) => <Text key={other} size="xs" className="words">{other}</Text>)}</Table.Td>
      <Table.Td><Badge color={lead.stage === "won" ? "green" : lead.stage === "lost" ? "gray" : "blue"}>{word("leadStage", lead.stage)}</Badge></Table.Td>
      <Table.Td><Text size="sm" className="words">{lead.assignee_email ?? "–"}</Text></Table.Td>
      <Table.Td><Text size="sm" className="words">{[lead.chatbot_name, ...lead.platforms.map((platform) => word("platform", platform))].filter(Boolean).join(" · ") || "–"}</Text></Table.Td>
      <Table.Td><Text size="sm">{t(lead.consented_at ? "alead.agreed" : "alead.notAgreed")}</Text></Table.Td>
      <Table.Td><Text size="sm" style={{ whiteSpace: "nowrap" }}>{time(lead.created_at)}</Text></Table.Td>
      <Table.Td><Group gap="xs" justify="flex-end" wrap="nowrap">
        {lead.conversation_id && <Button component={Link} to={`/workspaces/${workspace}/inbox/${lead.conversation_id}`} size="xs" variant="default" aria-label={`${t("alead.talk")}: ${name}`}>{t("alead.talk")}</Button>}
        <Button size="xs" variant="default" onClick={onOpen} aria-label={`${t("do.open")}: ${name}`}>{t("do.open")}</Button>
      </Group></Table.Td>
    </Table.Tr>
  );
}

export default function Leads() {
  const { t, word } = useTexts();
  const { workspace = "" } = useParams();
  const seat = useMe().data?.workspaces.find((seat) => seat.id === workspace);
  const [agent, admin] = [useMay(workspace, "agent"), useMay(workspace, "admin")];
  const { chosen, set, any } = useFilters([...FILTERS, "lead"]);
  const { lead: open, ...filters } = chosen;
  const [adding, setAdding] = useState(false);
  const [bringing, setBringing] = useState(false);
  const [staging, setStaging] = useState(false);
  const [stages, members, chatbots, platforms] = [useStages(workspace), useMembers(workspace), useChatbots(workspace), usePlatforms()];
  const { assignee_id, consented, ...rest } = filters;
  const query = {
    ...rest,
    ...(assignee_id === NOBODY ? { assigned: false } : { assignee_id }),
    consented: consented === undefined ? undefined : consented === "true",
  };
  const leads = usePaged(["leads", workspace, filters], (after) => ask(api.GET("/api/workspaces/{workspace_id}/leads", { params: { path: { workspace_id: workspace }, query: { ...query, after } } })));
  if (!seat) return <NotFound />;
  const asCsv = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined).map(([name, value]) => [name, String(value)]));
  return (
    <>
      <PageHead title={t("nav.leads")} note={t("leads.note")}>
        {agent && <Button onClick={() => setAdding(true)}>{t("leads.add")}</Button>}
        {admin && <Button variant="default" onClick={() => setBringing(true)}>{t("leads.import")}</Button>}
        {admin && <Button component="a" variant="default" href={`/api/workspaces/${workspace}/leads/table?${asCsv}`} download>{t("leads.csv")}</Button>}
        {admin && <Button variant="default" onClick={() => setStaging(true)}>{t("leads.stages")}</Button>}
      </PageHead>
      <Section title={t("leads.all")}>
        <Filters>
          <TextFilter label={t("alead.search")} value={chosen.q} onChange={(value) => set("q", value)} />
          <ChoiceFilter label={t("leads.stage")} value={chosen.stage_id} onChange={(value) => set("stage_id", value)} options={(stages.data?.items ?? []).map(({ id, name }) => ({ value: id, label: word("leadStage", name) }))} />
          <ChoiceFilter label={t("inbox.chatbot")} value={chosen.chatbot_id} onChange={(value) => set("chatbot_id", value)} options={(chatbots.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))} />
          <ChoiceFilter label={t("col.channel")} value={chosen.platform} onChange={(value) => set("platform", value)} options={(platforms.data?.items ?? []).map(({ platform, title }) => ({ value: platform, label: title }))} />
          <ChoiceFilter label={t("leads.assignee")} value={chosen.assignee_id} onChange={(value) => set("assignee_id", value)} options={[{ value: NOBODY, label: t("leads.nobody") }, ...(members.data?.items ?? []).map((member) => ({ value: member.user_id, label: member.name || member.email }))]} />
          <ChoiceFilter label={t("alead.consent")} value={consented} onChange={(value) => set("consented", value)} options={[{ value: "true", label: t("alead.agreed") }, { value: "false", label: t("alead.notAgreed") }]} />
        </Filters>
        <Paged of={leads} empty={<Empty title={t(any ? "alead.none" : "leads.none")}>{t("leads.noneHint")}</Empty>}>
          {(items) => (
            <Table.ScrollContainer minWidth={900}>
              <Table verticalSpacing="sm" aria-label={t("leads.all")}>
                <Table.Thead><Table.Tr><Table.Th>{t("col.person")}</Table.Th><Table.Th>{t("leads.stage")}</Table.Th><Table.Th>{t("leads.assignee")}</Table.Th><Table.Th>{t("leads.from")}</Table.Th><Table.Th>{t("alead.consent")}</Table.Th><Table.Th>{t("leads.since")}</Table.Th><Actions /></Table.Tr></Table.Thead>
                <Table.Tbody>{items.map((lead) => <Row key={lead.id} lead={lead} workspace={workspace} onOpen={() => set("lead", lead.id)} />)}</Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )}
        </Paged>
      </Section>
      <Suspense>
        {open && <Panel key={open} workspace={workspace} id={open} onClose={() => set("lead", "")} onOpen={(id) => set("lead", id)} />}
        {adding && <Add workspace={workspace} onClose={() => setAdding(false)} />}
        {bringing && <BringIn workspace={workspace} onClose={() => setBringing(false)} />}
        {staging && <Stages workspace={workspace} onClose={() => setStaging(false)} />}
      </Suspense>
    </>
  );
}
