// Which language the page speaks. English is in the first load, others come when they are wanted.

import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { en } from "./en";

export type Text = keyof typeof en;
export type Texts = { [text in Text]: string };
type Values = Record<string, string | number>;

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const load: Record<Language, () => Promise<Texts>> = {
  en: async () => en,
  de: async () => (await import("./de")).de,
};
const KEPT = "botsmith-language";

function wanted(): Language {
  const kept = localStorage.getItem(KEPT) ?? navigator.language.slice(0, 2);
  return kept in LANGUAGES ? (kept as Language) : "en";
}

interface Speech {
  language: Language;
  speak: (language: Language) => void;
  t: (text: Text, values?: Values) => string;
  /** A word of the API, such as a state, in the reader's language; itself where there is none. */
  word: (kind: string, value: string) => string;
  number: (value: number, options?: Intl.NumberFormatOptions) => string;
  time: (value: string) => string;
  ago: (value: string) => string;
}

const Context = createContext<Speech | null>(null);

export function TextsProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(wanted);
  const [texts, setTexts] = useState<Texts | null>(language === "en" ? en : null);

  useEffect(() => {
    let current = true;
    load[language]().then((texts) => current && setTexts(texts));
    document.documentElement.lang = language;
    return () => void (current = false);
  }, [language]);

  const speak = useCallback((next: Language) => {
    localStorage.setItem(KEPT, next);
    setLanguage(next);
  }, []);

  const speech = useMemo<Speech | null>(() => {
    if (!texts) return null;
    const fill = (text: string, values: Values = {}) => text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
    const numbers = new Intl.NumberFormat(language);
    const times = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
    const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
    return {
      language,
      speak,
      t: (text, values) => fill(texts[text], values),
      word: (kind, value) => (texts as Record<string, string>)[`${kind}.${value}`] ?? value.replaceAll("_", " "),
      number: (value, options) => (options ? new Intl.NumberFormat(language, options) : numbers).format(value),
      time: (value) => times.format(new Date(value)),
      ago: (value) => {
        const seconds = Math.round((new Date(value).getTime() - Date.now()) / 1000);
        const size = Math.abs(seconds);
        if (size < 60) return relative.format(Math.min(0, seconds), "second");
        if (size < 3600) return relative.format(Math.round(seconds / 60), "minute");
        if (size < 86_400) return relative.format(Math.round(seconds / 3600), "hour");
        return relative.format(Math.round(seconds / 86_400), "day");
      },
    };
  }, [texts, language, speak]);

  return speech && <Context value={speech}>{children}</Context>;
}

export function useTexts(): Speech {
  const speech = useContext(Context);
  if (!speech) throw new Error("there is no TextsProvider");
  return speech;
}
