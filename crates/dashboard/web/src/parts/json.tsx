// Something the API wants as JSON, with what is wrong with it said while it is typed.

import { Textarea, type TextareaProps } from "@mantine/core";
import { useTexts } from "../texts";

export function readable(text: string): { value?: Record<string, unknown>; wrong?: string } {
  try {
    const value: unknown = JSON.parse(text || "{}");
    if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
    return { value: value as Record<string, unknown> };
  } catch (error) {
    return { wrong: (error as Error).message };
  }
}

export function JsonInput({ value, error, ...props }: Omit<TextareaProps, "value"> & { value: string }) {
  const { t } = useTexts();
  const { value: read, wrong } = readable(value);
  return <Textarea {...props} value={value} spellCheck={false} styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 13 } }} error={read ? error : t("json.wrong", { wrong: wrong ?? t("json.object") })} />;
}
