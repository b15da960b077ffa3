// Canned replies: which one is meant while somebody types, and what it says to whom.

import type { Schemas } from "../../api/client";

type CannedReply = Schemas["CannedReply"];

/** How many are offered at a time. */
const OFFERED = 8;

/** What stands behind the slash that ends the text; nothing: there is none. */
export function wantedOf(text: string): string | undefined {
  return /(?:^|\s)\/([^\s/]*)$/.exec(text)?.[1]?.toLowerCase();
}

/** Those that begin with what is typed first, then those that have it somewhere. */
export function fitting(replies: CannedReply[], wanted?: string): CannedReply[] {
  if (wanted === undefined) return [];
  const begins = ({ name }: CannedReply) => name.toLowerCase().startsWith(wanted);
  const has = ({ name, text }: CannedReply) => `${name} ${text}`.toLowerCase().includes(wanted);
  return [...replies.filter(begins), ...replies.filter((reply) => !begins(reply) && has(reply))].slice(0, OFFERED);
}

/** The text with the reply in the place of the slash and what stands behind it. */
export function withReply(text: string, reply: CannedReply, names: { contact: string; agent: string }): string {
  const said = reply.text.replace(/\{\{\s*(contact|agent)\.name\s*\}\}/g, (_, who: "contact" | "agent") => names[who]);
  return text.replace(/\/[^\s/]*$/, () => said);
}
