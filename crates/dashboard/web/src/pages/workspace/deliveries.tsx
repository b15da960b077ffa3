// What was sent to an endpoint, how it was taken, and sending it again.

import { Button, Code, Group, NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { api, ask, type Schemas } from "../../api/client";
import { useAct } from "../../parts/act";
import { Paged, usePaged } from "../../parts/paged";
import { Empty, State, Wrong } from "../../parts/state";
import { useTexts } from "../../texts";

type Delivery = Schemas["WebhookDelivery"];

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function Tried({ tried }: { tried: Schemas["WebhookTry"] }) {
  const { t, time, number } = useTexts();
  return (
    <div>
      <Text size="xs">{time(tried.at)} · {tried.status ? t("hook.status", { status: tried.status }) : t("hook.noAnswer")} · {t("hook.took", { count: number(tried.milliseconds) })}{tried.error ? ` · ${tried.error}` : ""}</Text>
      {tried.response && <Code block className="words" style={{ whiteSpace: "pre-wrap" }}>{tried.response}</Code>}
    </div>
  );
}

function One({ delivery, workspace, webhook }: { delivery: Delivery; workspace: string; webhook: string }) {
  const { t, time, ago, word } = useTexts();
  const again = useAct(async () => ask(api.POST("/api/workspaces/{workspace_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/send-again", { params: { path: { workspace_id: workspace, webhook_id: webhook, delivery_id: delivery.id } } })), ["deliveries", webhook], ["webhooks", workspace]);
  return (
    <details className="delivery">
      <summary><Text span size="sm" fw={600}>{word("event", delivery.type)}</Text> <State kind="delivery" value={delivery.state} /> <Text span size="xs" c="dimmed">{time(delivery.created_at)}{delivery.next_at ? ` · ${t("hook.next", { ago: ago(delivery.next_at) })}` : ""}</Text></summary>
      <Stack gap="xs" mt="xs" mb="sm">
        {delivery.tries.length ? delivery.tries.map((tried) => <Tried key={tried.at} tried={tried} />) : <Text size="xs" c="dimmed">{t("hook.untried")}</Text>}
        <Text size="xs">webhook-id: <Code>{delivery.event_id}</Code></Text>
        <Code block className="words" style={{ whiteSpace: "pre-wrap", maxHeight: 240, overflow: "auto" }} tabIndex={0} role="region" aria-label={t("hook.body")}>{pretty(delivery.body)}</Code>
        {again.error && <Wrong error={again.error} />}
        <Group><Button size="xs" variant="default" onClick={() => again.mutate(undefined)} loading={again.isPending}>{t("hook.again")}</Button>{again.isSuccess && <Text size="xs" role="status">{t("hook.testSent")}</Text>}</Group>
      </Stack>
    </details>
  );
}

export default function Deliveries({ workspace, webhook }: { workspace: string; webhook: Schemas["Webhook"] }) {
  const { t, word } = useTexts();
  const [state, setState] = useState("");
  const deliveries = usePaged(["deliveries", webhook.id, state], (after) => ask(api.GET("/api/workspaces/{workspace_id}/webhooks/{webhook_id}/deliveries", { params: { path: { workspace_id: workspace, webhook_id: webhook.id }, query: { state: state || undefined, after } } })), 3_000);
  return (
    <Stack>
      <Group><NativeSelect label={t("col.state")} value={state} onChange={(event) => setState(event.currentTarget.value)} data={[{ value: "", label: t("inbox.any") }, ...["due", "delivered", "failed"].map((value) => ({ value, label: word("delivery", value) }))]} /></Group>
      <Paged of={deliveries} empty={<Empty title={t("hook.noDeliveries")}>{t("hook.noDeliveriesHint")}</Empty>}>
        {(items) => <div>{items.map((delivery) => <One key={delivery.id} delivery={delivery} workspace={workspace} webhook={webhook.id} />)}</div>}
      </Paged>
    </Stack>
  );
}
