// The widget's settings, which the API's description has as an object.

export interface Suggestion {
  title: string;
  value: string;
}

export interface Field {
  name: string;
  type: "text" | "email" | "phone" | "choice";
  label?: string | null;
  required: boolean;
  /** Of a choice: what is offered. */
  choices?: string[];
  /** Whether the form asks for it; left out: it does. */
  ask?: boolean;
}

export type Words = Record<string, Record<string, string>>;

export interface Settings {
  name: string | null;
  welcome: string | null;
  suggestions: Suggestion[];
  colour: string;
  position: "right" | "left";
  theme: "auto" | "light" | "dark";
  language: string | null;
  texts: Words;
  pre_chat: Field[];
  consent: string | null;
  files: boolean;
  citations: boolean;
  feedback: boolean;
  /** Its address; it is set elsewhere. */
  logo: string | null;
}

export type Change = (change: Partial<Settings>) => void;

/** Those that the widget speaks by itself. */
export const LANGUAGES = ["en", "de", "fr", "es", "it", "pt", "nl", "ar"];

/** Its texts that are seen most, then those of rarer moments. */
export const TEXTS = [
  "title", "placeholder", "send", "open", "close", "intro", "start", "person", "unanswered", "typing", "sources", "bot", "agent", "you",
  "attach", "remove", "sending", "failed", "retry", "newMessage", "offline", "reconnecting", "unavailable", "refused", "slow", "tooLong", "tooLarge",
  "tooMany", "fileKind", "fileFailed", "name", "email", "phone", "required", "badEmail", "badPhone", "agree",
  "good", "bad", "why", "sendComment", "thanks", "notRated",
];
