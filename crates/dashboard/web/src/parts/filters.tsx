// Filters of a list. They stand in the address, so that a list can be linked to as it is.

import { Group, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useEffect, useState, type ReactNode } from "react";
import { useSearchParams } from "react-router-dom";
import { useTexts } from "../texts";

export function useFilters<Name extends string>(names: readonly Name[]) {
  const [query, setQuery] = useSearchParams();
  const set = (name: Name, value: string) => setQuery((before) => {
    if (value) before.set(name, value);
    else before.delete(name);
    return before;
  }, { replace: true });
  const chosen = Object.fromEntries(names.map((name) => [name, query.get(name)]).filter(([, value]) => value)) as { [name in Name]?: string };
  return { chosen, set, any: Object.keys(chosen).length > 0, query };
}

interface FilterProps {
  label: string;
  value?: string;
  onChange: (value: string) => void;
}

/** Asked for once the reader stops typing. */
export function TextFilter({ label, value = "", onChange, type = "search" }: FilterProps & { type?: "search" | "date" }) {
  const [typed, setTyped] = useState(value);
  const tell = useDebouncedCallback(onChange, 300);
  useEffect(() => setTyped(value), [value]);
  return <TextInput label={label} type={type} value={typed} onChange={(event) => { setTyped(event.currentTarget.value); tell(event.currentTarget.value); }} />;
}

export function ChoiceFilter({ label, value = "", onChange, options }: FilterProps & { options: { value: string; label: string }[] }) {
  const { t } = useTexts();
  // What was linked to stays chosen, though it is not among the first.
  const known = !value || options.some((option) => option.value === value);
  return <NativeSelect label={label} value={value} onChange={(event) => onChange(event.currentTarget.value)} data={[{ value: "", label: t("inbox.any") }, ...options, ...(known ? [] : [{ value, label: value }])]} />;
}

export function Filters({ children }: { children: ReactNode }) {
  return <Group mb="md" gap="sm" align="flex-end">{children}</Group>;
}
