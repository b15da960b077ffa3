// Speaking to a chatbot as a visitor of this installation's own pages does. It is the chat API, which has a description of
// its own.

import { Problem } from "./client";

export interface Reply {
  id: string;
  text: string;
  cursor: string;
  sender?: string;
  direction: string;
  citations?: { title?: string; url?: string }[];
}

export interface Accepted {
  message_id: string;
  conversation: string;
  state: string;
  cursor?: string;
  reply?: Reply;
}

interface Session {
  token: string;
  conversation: string;
}

const sessions = new Map<string, Session>();

async function call<T>(method: string, path: string, token?: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "omit",
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...(token && { authorization: `Bearer ${token}` }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Problem(0, "offline");
  }
  const said = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, said.detail || response.statusText, said.request_id);
  return said as T;
}

async function session(chatbot: string): Promise<Session> {
  const known = sessions.get(chatbot);
  if (known) return known;
  const made = await call<Session>("POST", `/api/chat/${chatbot}/sessions`, undefined, {});
  sessions.set(chatbot, made);
  return made;
}

/** The next question begins a conversation. */
export function startOver(chatbot: string) {
  sessions.delete(chatbot);
}

/** Asks, and waits for the answer for as long as one may take. */
export async function say(chatbot: string, text: string): Promise<Accepted> {
  const { token } = await session(chatbot);
  const accepted = await call<Accepted>("POST", `/api/chat/${chatbot}/messages`, token, { text });
  for (let tries = 0; !accepted.reply && ["waiting", "answering"].includes(accepted.state) && tries < 40; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const page = await call<{ items: Reply[] }>("GET", `/api/chat/${chatbot}/messages?after=${accepted.cursor}`, token);
    const reply = page.items.find((message) => message.direction === "outbound");
    if (reply) Object.assign(accepted, { reply, state: "answered" });
  }
  return accepted;
}
