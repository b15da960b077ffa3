// How much of a plan is used, and what it allows.

import { Alert, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { Link } from "react-router-dom";
import type { Schemas } from "../api/client";
import { useTexts } from "../texts";
import { useMoney } from "./money";

type Usage = Schemas["UsageView"];

/** Bars, each with its numbers: what is used, and of how much. */
export function UsageBars({ usage }: { usage: Usage[] }) {
  const { t, number, word } = useTexts();
  return (
    <Stack gap="sm">{usage.map(({ what, used, limit, level }) => {
      const label = word("usage", what);
      const share = limit == null ? 0 : limit ? Math.min(100, (used / limit) * 100) : 100;
      return (
        <div key={what}>
          <Group justify="space-between" gap="xs"><Text size="sm">{label}</Text><Text size="sm" fw={600}>{limit == null ? t("plan.unlimited", { used: number(used) }) : t("plan.usedOf", { used: number(used), limit: number(limit) })}</Text></Group>
          {limit != null && <Progress value={share} size="md" color={level === "reached" ? "red" : level === "near" ? "orange" : undefined} aria-label={label} />}
          {level !== "ok" && <Text size="xs" fw={600}>{word("usageLevel", level)}</Text>}
        </div>
      );
    })}</Stack>
  );
}

/** What to do where a limit is near or reached; nothing where none is. */
export function UsageAlerts({ usage, to }: { usage: Usage[]; to?: string }) {
  const { t, word } = useTexts();
  const tight = usage.filter(({ level }) => level !== "ok");
  if (!tight.length) return null;
  const reached = tight.some(({ level }) => level === "reached");
  return (
    <Alert color={reached ? "red" : "orange"} title={t(reached ? "plan.reachedTitle" : "plan.nearTitle")}>
      <Stack gap={4} align="flex-start">
        {tight.map(({ what, level }) => <Text key={what} size="sm">{word(level === "reached" ? "usageReached" : "usageNear", what)}</Text>)}
        {to && <Button component={Link} to={to} size="xs" variant="default">{t("plan.open")}</Button>}
      </Stack>
    </Alert>
  );
}

/** What a plan allows, as a few lines. */
export function PlanFacts({ plan }: { plan: Schemas["PlanView"] }) {
  const { t, number, word } = useTexts();
  const money = useMoney();
  const limits: [string, number | null | undefined][] = [["messages", plan.max_messages], ["chatbots", plan.max_chatbots], ["documents", plan.max_documents], ["seats", plan.max_seats]];
  return (
    <div>
      <Text fw={700}>{plan.price_minor ? t("plan.aMonth", { price: money(plan.price_minor, plan.currency) }) : t("plan.free")}</Text>
      {plan.trial_days > 0 && <Text size="sm">{t("plan.trialDays", { days: number(plan.trial_days) })}</Text>}
      {limits.map(([what, most]) => <Text key={what} size="sm">{word("usage", what)}: {most == null ? t("plan.noLimit") : number(most)}</Text>)}
    </div>
  );
}
