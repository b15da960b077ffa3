// Language, and light or dark.

import { Group, NativeSelect, useMantineColorScheme, type MantineColorScheme } from "@mantine/core";
import { LANGUAGES, useTexts, type Language } from "../texts";

export function Looks() {
  const { t, language, speak } = useTexts();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Group gap="xs" wrap="nowrap">
      <NativeSelect size="xs" aria-label={t("looks.language")} value={language} onChange={(event) => speak(event.currentTarget.value as Language)}
        data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))} />
      <NativeSelect size="xs" aria-label={t("looks.scheme")} value={colorScheme} onChange={(event) => setColorScheme(event.currentTarget.value as MantineColorScheme)}
        data={[{ value: "auto", label: t("looks.auto") }, { value: "light", label: t("looks.light") }, { value: "dark", label: t("looks.dark") }]} />
    </Group>
  );
}
