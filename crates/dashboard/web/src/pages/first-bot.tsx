// From nothing to a first good answer: a name, something to know, a question. Every step but the name can be skipped.

import { Button, Card, Group, Stack, Stepper, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router-dom";
import { api, ask, type Schemas } from "../api/client";
import { useSources } from "../api/hooks";
import { useAct } from "../parts/act";
import { AddSource } from "../parts/add-source";
import { Sources } from "../parts/sources";
import { PageHead, Wrong } from "../parts/state";
import { TryIt } from "../parts/try-it";
import { useTexts } from "../texts";

function Knowledge({ chatbot, onNext }: { chatbot: string; onNext: () => void }) {
  const { t } = useTexts();
  const sources = useSources(chatbot);
  const items = sources.data?.items ?? [];
  const ready = items.some((source) => source.state === "ready");
  return (
    <Stack>
      {items.length > 0 && <Sources chatbot={chatbot} sources={items} />}
      <Card withBorder padding="lg"><AddSource chatbot={chatbot} kinds={["text", "file", "url", "qa"]} /></Card>
      <Group>
        <Button onClick={onNext} disabled={!ready}>{t("first.tryIt")}</Button>
        {!ready && <Button variant="default" onClick={onNext}>{t("do.skip")}</Button>}
      </Group>
    </Stack>
  );
}

export default function FirstBot() {
  const { t } = useTexts();
  const { workspace = "" } = useParams();
  const navigate = useNavigate();
  const [step, setStep] = useState(0);
  const [name, setName] = useState("");
  const [bot, setBot] = useState<Schemas["Chatbot"] | null>(null);
  const [answered, setAnswered] = useState(false);
  const create = useAct((name: string) => ask(api.POST("/api/workspaces/{workspace_id}/chatbots", { params: { path: { workspace_id: workspace } }, body: { name } })), ["chatbots", workspace]);
  return (
    <>
      <PageHead title={t("first.title")} note={t("first.note")} />
      <Stepper active={step} onStepClick={setStep} allowNextStepsSelect={false} size="sm" mb="lg">
        <Stepper.Step label={t("first.name")} allowStepSelect={!bot}>
          <Card withBorder padding="lg" maw={560}>
            <form onSubmit={(event) => { event.preventDefault(); create.mutate(name, { onSuccess: (made) => { setBot(made); setStep(1); } }); }}>
              <Stack>
                <TextInput label={t("first.nameLabel")} description={t("first.nameHint")} required maxLength={100} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
                {create.error && <Wrong error={create.error} />}
                <Group><Button type="submit" loading={create.isPending}>{t("do.next")}</Button></Group>
              </Stack>
            </form>
          </Card>
        </Stepper.Step>
        <Stepper.Step label={t("first.knowledge")} allowStepSelect={Boolean(bot)}>{bot && <Knowledge chatbot={bot.id} onNext={() => setStep(2)} />}</Stepper.Step>
        <Stepper.Step label={t("first.try")} allowStepSelect={Boolean(bot)}>
          {bot && (
            <Stack>
              <TryIt chatbot={bot} onAnswer={() => setAnswered(true)} />
              <Group>
                <Button variant={answered ? "filled" : "default"} onClick={() => setStep(3)}>{answered ? t("do.next") : t("do.skip")}</Button>
              </Group>
            </Stack>
          )}
        </Stepper.Step>
        <Stepper.Completed>
          {bot && (
            <Card withBorder padding="lg" maw={640}>
              <Stack>
                <Text>{t("first.done", { name: bot.name })}</Text>
                <Group>
                  <Button component={Link} to={`/chatbots/${bot.id}/integrations`}>{t("first.connect")}</Button>
                  <Button variant="default" onClick={() => navigate(`/chatbots/${bot.id}/overview`)}>{t("first.overview")}</Button>
                </Group>
              </Stack>
            </Card>
          )}
        </Stepper.Completed>
      </Stepper>
    </>
  );
}
