import { Alert, Button, Code, Group, PasswordInput, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schemas } from "../../../api/client";
import { useAct } from "../../../parts/act";
import { Confirm, Copy, External, Section, Shown, Wrong } from "../../../parts/state";
import { useTexts } from "../../../texts";

function Keys({ of }: { of: Schemas["StripeView"] }) {
  const { t } = useTexts();
  const [secret, setSecret] = useState("");
  const [signing, setSigning] = useState("");
  const [leaving, setLeaving] = useState(false);
  const stale = [["admin"], ["plan"]];
  const connect = useAct(async () => ask(api.PUT("/api/administration/stripe", { body: { secret_key: secret, webhook_secret: signing } })), ...stale);
  const disconnect = useAct(async () => ask(api.DELETE("/api/administration/stripe")), ...stale);
  return (
    <Stack>
      {of.connected
        ? <Alert color={of.test ? "orange" : "green"}>{t(of.test ? "stripe.test" : "stripe.live")} {t("stripe.shown", { secret: of.secret_key ?? "", signing: of.webhook_secret ?? "" })}</Alert>
        : <Text size="sm">{t("stripe.off")}</Text>}
      <div>
        <Text size="sm" fw={600}>{t("stripe.webhook")}</Text>
        <Group gap="xs"><Code className="words">{of.webhook_url}</Code><Copy value={of.webhook_url} label={t("stripe.webhook")} /></Group>
        <Text size="sm" c="dimmed" mt={4}>{t("stripe.events", { events: of.events.join(", ") })}</Text>
        <External href="https://dashboard.stripe.com/webhooks">dashboard.stripe.com/webhooks</External>
      </div>
      <form onSubmit={(event) => { event.preventDefault(); connect.mutate(undefined, { onSuccess: () => { setSecret(""); setSigning(""); } }); }}>
        <Stack maw={560}>
          <PasswordInput label={t("stripe.secret")} description={t("stripe.secretHint")} required autoComplete="off" value={secret} onChange={(event) => setSecret(event.currentTarget.value)} />
          <PasswordInput label={t("stripe.signing")} description={t("stripe.signingHint")} required autoComplete="off" value={signing} onChange={(event) => setSigning(event.currentTarget.value)} />
          {connect.error && <Wrong error={connect.error} />}
          <Group><Button type="submit" loading={connect.isPending}>{t(of.connected ? "stripe.replace" : "stripe.connect")}</Button>{of.connected && <Button variant="outline" color="red" onClick={() => setLeaving(true)}>{t("stripe.disconnect")}</Button>}{connect.isSuccess && <Text size="sm" role="status">{t("saved.done")}</Text>}</Group>
        </Stack>
      </form>
      <Confirm opened={leaving} onClose={() => setLeaving(false)} title={t("stripe.disconnectTitle")} action={t("stripe.disconnect")} onConfirm={async () => disconnect.mutateAsync(undefined)}>{t("stripe.disconnectWhat")}</Confirm>
    </Stack>
  );
}

export default function Stripe() {
  const { t } = useTexts();
  const state = useQuery({ queryKey: ["admin", "stripe"], queryFn: () => ask(api.GET("/api/administration/stripe")) });
  return <Section title="Stripe" note={t("stripe.note")}><Shown of={state}>{(of) => <Keys of={of} />}</Shown></Section>;
}
