// Which conversations the inbox shows. All of it stands in the address.

import { Badge, Button, Group } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client";
import { useChatbots, useLabels, useMe, useMembers, usePlatforms } from "../../api/hooks";
import { useTexts } from "../../texts";
import { ChoiceFilter, Filters, TextFilter, useFilters } from "../filters";

export const VIEWS = ["open", "needs_human", "taken_over", "snoozed", "resolved", "all"] as const;
const NAMES = ["state", "text", "assignee", "label_id", "feedback", "chatbot_id", "platform", "from", "until", "contact_id", "contact", "handler", "handoff_reason", "integration_id"] as const;
/** As many or more. */
const MOST = 1_000;

const midnight = (date: string, days = 0) => {
  const at = new Date(`${date}T00:00`);
  at.setDate(at.getDate() + days);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
};

/** What is chosen, and as the API asks for it. Without a choice it is what is open. */
export function useInboxFilters() {
  const { chosen, set, any, query } = useFilters(NAMES);
  const me = useMe().data?.user.id;
  const { state = "open", assignee, from, until, ...rest } = chosen;
  const asked = {
    ...rest,
    ...(state !== "all" && { state }),
    ...(assignee === "nobody" ? { unassigned: true } : assignee && { assignee_id: assignee === "me" ? me : assignee }),
    ...(from && { from: midnight(from) }),
    ...(until && { until: midnight(until, 1) }),
  };
  return { chosen, set, any, query, state, asked };
}

type Inbox = ReturnType<typeof useInboxFilters>;

/** The parts of the inbox, with how many conversations each has. */
export function Views({ workspace, inbox, every }: { workspace: string; inbox: Inbox; every: number }) {
  const { t, word, number } = useTexts();
  const { state: _, ...asked } = inbox.asked;
  const counts = useQuery({
    queryKey: ["counts", workspace, asked], placeholderData: keepPreviousData, refetchInterval: every,
    queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/conversations/counts", { params: { path: { workspace_id: workspace }, query: asked } })),
  });
  const count = (view: string) => counts.data?.items.find(({ state }) => (state ?? "all") === view)?.count ?? 0;
  return (
    <Group gap={6} mb="sm" role="group" aria-label={t("desk.views")}>
      {VIEWS.map((view) => (
        <Button key={view} size="xs" variant={view === inbox.state ? "filled" : "default"} aria-pressed={view === inbox.state} onClick={() => inbox.set("state", view === "open" ? "" : view)}
          rightSection={counts.data && <Badge size="sm" variant={view === inbox.state ? "white" : "light"} color={view === "needs_human" && count(view) ? "orange" : "gray"}>{count(view) >= MOST ? t("desk.more", { count: number(MOST - 1) }) : number(count(view))}</Badge>}>
          {word("view", view)}
        </Button>
      ))}
    </Group>
  );
}

export function InboxFilters({ workspace, inbox }: { workspace: string; inbox: Inbox }) {
  const { t, word } = useTexts();
  const { chosen, set } = inbox;
  const chatbots = useChatbots(workspace);
  const platforms = usePlatforms();
  const members = useMembers(workspace);
  const labels = useLabels(workspace);
  const named = (items: { id: string; name: string }[] = []) => items.map(({ id, name }) => ({ value: id, label: name }));
  return (
    <Filters>
      <TextFilter label={t("desk.search")} value={chosen.text} onChange={(value) => set("text", value)} />
      <ChoiceFilter label={t("desk.assignee")} value={chosen.assignee} onChange={(value) => set("assignee", value)}
        options={[{ value: "me", label: t("desk.me") }, { value: "nobody", label: t("desk.nobody") }, ...(members.data?.items ?? []).map(({ user_id, name, email }) => ({ value: user_id, label: name || email }))]} />
      <ChoiceFilter label={t("desk.label")} value={chosen.label_id} onChange={(value) => set("label_id", value)} options={named(labels.data?.items)} />
      <ChoiceFilter label={t("feedback.filter")} value={chosen.feedback} onChange={(value) => set("feedback", value)} options={["bad", "good"].map((value) => ({ value, label: word("feedback", value) }))} />
      <ChoiceFilter label={t("inbox.chatbot")} value={chosen.chatbot_id} onChange={(value) => set("chatbot_id", value)} options={named(chatbots.data?.items)} />
      <ChoiceFilter label={t("col.channel")} value={chosen.platform} onChange={(value) => set("platform", value)} options={(platforms.data?.items ?? []).map(({ platform, title }) => ({ value: platform, label: title }))} />
      <TextFilter label={t("desk.from")} type="date" value={chosen.from} onChange={(value) => set("from", value)} />
      <TextFilter label={t("desk.until")} type="date" value={chosen.until} onChange={(value) => set("until", value)} />
      {chosen.handler && <ChoiceFilter label={t("inbox.handler")} value={chosen.handler} onChange={(value) => set("handler", value)} options={["bot", "human"].map((value) => ({ value, label: word("handler", value) }))} />}
      {chosen.contact_id && <Button variant="default" onClick={() => set("contact_id", "")}>{t("desk.onlyPerson")} ✕</Button>}
    </Filters>
  );
}
