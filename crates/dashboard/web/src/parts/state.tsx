// What a page shows while there is nothing to show, and the small parts that all pages share.

import { Alert, Anchor, Badge, Button, Card, Code, CopyButton, Group, Modal, Skeleton, Stack, Table, Text, TextInput, Title, VisuallyHidden } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";
import { Problem } from "../api/client";
import { useTexts } from "../texts";

/** What went wrong, in the API's own words, with the request's id for whoever looks into it. */
export function Wrong({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useTexts();
  const problem = error instanceof Problem ? error : null;
  const offline = problem?.status === 0;
  return (
    <Alert color="red" title={t(offline ? "wrong.offline" : "wrong.title")} role="alert">
      <Stack gap="xs" align="flex-start">
        {!offline && <Text size="sm" className="words">{problem ? problem.message : String(error)}</Text>}
        {problem?.requestId && <Text size="xs">{t("wrong.request")} <Code>{problem.requestId}</Code></Text>}
        {retry && <Button size="xs" variant="default" onClick={retry}>{t("do.retry")}</Button>}
      </Stack>
    </Alert>
  );
}

export function Loading({ lines = 3 }: { lines?: number }) {
  const { t } = useTexts();
  return (
    <Stack gap="sm" aria-busy="true" aria-label={t("loading")} role="status">
      {Array.from({ length: lines }, (_, line) => <Skeleton key={line} height={line ? 18 : 28} width={line ? `${90 - line * 12}%` : "40%"} />)}
    </Stack>
  );
}

/** Nothing yet, and what to do about it. */
export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <Card withBorder padding="xl">
      <Stack align="center" gap="xs" ta="center">
        <Text fw={600}>{title}</Text>
        {children && <Text c="dimmed" size="sm" maw={520}>{children}</Text>}
        {action}
      </Stack>
    </Card>
  );
}

/** A query's three ways to end. */
export function Shown<T>({ of, children, lines }: { of: UseQueryResult<T, Error>; children: (data: T) => ReactNode; lines?: number }) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error) return <Wrong error={of.error} retry={() => void of.refetch()} />;
  return <Loading lines={lines} />;
}

export function useTitle(title?: string) {
  useEffect(() => {
    document.title = title ? `${title} · BotSmith` : "BotSmith";
  }, [title]);
}

export function PageHead({ title, children, note }: { title: string; children?: ReactNode; note?: ReactNode }) {
  useTitle(title);
  return (
    <Group justify="space-between" align="flex-start" mb="md" gap="sm">
      <div>
        <Title order={1}>{title}</Title>
        {note && <Text c="dimmed" size="sm">{note}</Text>}
      </div>
      {children && <Group gap="sm">{children}</Group>}
    </Group>
  );
}

export function Section({ title, note, action, children }: { title: string; note?: ReactNode; action?: ReactNode; children: ReactNode }) {
  return (
    <Card withBorder padding="lg" component="section" aria-label={title}>
      <Group justify="space-between" align="flex-start" mb="sm" gap="xs">
        <div>
          <Title order={2}>{title}</Title>
          {note && <Text c="dimmed" size="sm">{note}</Text>}
        </div>
        {action}
      </Group>
      {children}
    </Card>
  );
}

const COLOURS: Record<string, string> = {
  trial: "blue", past_due: "red", cancelled: "red", open: "blue", paid: "green", overdue: "red",
  active: "green", up: "green", applied: "green", invited: "blue", paused: "orange", silent: "orange", disabled: "red", missing: "red",
  approved: "green", ready: "green", connected: "green", live: "green", done: "green", answered: "green", sent: "green", delivered: "green", read: "green", bot: "gray", info: "gray",
  pending: "blue", indexing: "blue", checking: "blue", running: "blue", due: "blue", waiting: "blue", answering: "blue",
  rejected: "red", failed: "red", error: "red", refused: "red", dead: "red", human: "orange", warning: "orange", for_human: "orange", kept: "orange",
};

/** A state: a word, with a colour beside it. */
export function State({ kind = "state", value }: { kind?: string; value: string }) {
  const { word } = useTexts();
  return <Badge color={COLOURS[value] ?? "gray"}>{word(kind, value)}</Badge>;
}

/** Asks before something is lost. With `name` it has to be typed in. */
export function Confirm({ title, children, name, action, onConfirm, onClose, opened }: {
  title: string; children: ReactNode; name?: string; action: string; opened: boolean; onConfirm: () => Promise<unknown>; onClose: () => void;
}) {
  const { t } = useTexts();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => { if (opened) { setTyped(""); setError(undefined); } }, [opened]);
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      setError(error);
    }
    setBusy(false);
  };
  return (
    <Modal opened={opened} onClose={onClose} title={title} closeButtonProps={{ "aria-label": t("do.close") }}>
      <Stack>
        <Text size="sm">{children}</Text>
        {name && <TextInput label={t("confirm.type", { name })} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} data-autofocus />}
        {error !== undefined && <Wrong error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{t("do.cancel")}</Button>
          <Button color="red" onClick={confirm} loading={busy} disabled={name !== undefined && typed.trim() !== name.trim()}>{action}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}

export function Copy({ value, label }: { value: string; label: string }) {
  const { t } = useTexts();
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => <Button size="xs" variant="default" onClick={copy} aria-label={`${t("do.copy")}: ${label}`}>{copied ? t("do.copied") : t("do.copy")}</Button>}
    </CopyButton>
  );
}

/** A share between 0 and 1, as a bar with its number. */
export function Meter({ value, label }: { value: number; label: string }) {
  const { number } = useTexts();
  const share = Math.max(0, Math.min(1, value));
  const shown = number(value, { maximumFractionDigits: 2 });
  return (
    <div>
      <Group justify="space-between" gap="xs" wrap="nowrap"><Text size="xs">{label}</Text><Text size="xs" ff="monospace">{shown}</Text></Group>
      <div className="meter" aria-hidden><span style={{ width: `${share * 100}%` }} /></div>
    </div>
  );
}

/** Above buttons, for whoever hears the table. */
export function Actions() {
  const { t } = useTexts();
  return <Table.Th><VisuallyHidden>{t("col.actions")}</VisuallyHidden></Table.Th>;
}

/** The next page of a list. */
export function More({ onMore, busy }: { onMore: () => void; busy: boolean }) {
  const { t } = useTexts();
  return <Group justify="center" mt="sm"><Button variant="default" size="xs" onClick={onMore} loading={busy}>{t("do.more")}</Button></Group>;
}

export function External({ href, children }: { href: string; children: ReactNode }) {
  return <Anchor href={href} target="_blank" rel="noopener noreferrer" size="sm">{children}</Anchor>;
}
