// Headers of requests that go out; the values of secret ones are stored sealed and never come back.

import { Button, Checkbox, Group, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useTexts } from "../texts";

export interface Header {
  name: string;
  value: string;
  secret: boolean;
  /** What of a stored secret may be shown. */
  shown?: string;
}

type Plain = Record<string, string>;

export function headersOf(plain: unknown, secret: unknown): Header[] {
  return [
    ...Object.entries((plain ?? {}) as Plain).map(([name, value]) => ({ name, value, secret: false })),
    ...Object.entries((secret ?? {}) as Plain).map(([name, shown]) => ({ name, value: "", secret: true, shown })),
  ];
}

/** As the API takes them: `null` keeps what is stored. */
export function sent(headers: Header[], secret: boolean) {
  const named = headers.filter((header) => header.secret === secret && header.name.trim());
  return Object.fromEntries(named.map(({ name, value, shown }) => [name.trim(), value || (shown ? null : "")]));
}

export function Headers({ headers, onChange, onlySecret }: { headers: Header[]; onChange: (next: Header[]) => void; onlySecret?: boolean }) {
  const { t } = useTexts();
  const set = (at: number, change: Partial<Header>) => onChange(headers.with(at, { ...(headers[at] as Header), ...change }));
  return (
    <Stack gap="xs" role="group" aria-label={t("headers.title")}>
      <Text size="sm" fw={600}>{t("headers.title")}</Text>
      {!headers.length && <Text size="sm" c="dimmed">{t("headers.none")}</Text>}
      {headers.map((header, at) => {
        const value = {
          label: t("headers.value", { name: header.name || String(at + 1) }), autoComplete: "off", style: { flex: "2 1 180px" }, value: header.value, required: !header.shown,
          description: header.shown && t("model.keyKept", { shown: header.shown }), onChange: (event: { currentTarget: { value: string } }) => set(at, { value: event.currentTarget.value }),
        };
        return (
          <Stack key={at} gap={6}>
            <Group gap="xs" align="flex-start">
              <TextInput style={{ flex: "1 1 140px" }} label={t("headers.name", { number: at + 1 })} required readOnly={Boolean(header.shown)} value={header.name} onChange={(event) => set(at, { name: event.currentTarget.value })} />
              {header.secret ? <PasswordInput {...value} visibilityToggleButtonProps={{ "aria-label": `${t("field.visible")}: ${value.label}` }} /> : <TextInput {...value} />}
            </Group>
            <Group gap="md">
              {!onlySecret && !header.shown && <Checkbox size="xs" label={t("headers.secret")} checked={header.secret} onChange={(event) => set(at, { secret: event.currentTarget.checked })} />}
              <Button size="compact-xs" variant="default" onClick={() => onChange(headers.toSpliced(at, 1))} aria-label={`${t("do.remove")}: ${header.name || at + 1}`}>{t("do.remove")}</Button>
            </Group>
          </Stack>
        );
      })}
      <Group><Button size="xs" variant="default" onClick={() => onChange([...headers, { name: "", value: "", secret: true }])}>{t("headers.add")}</Button></Group>
    </Stack>
  );
}
