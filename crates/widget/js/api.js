// The bot's chat API (/api/chat/openapi.json), and what its errors mean for a visitor.

class ChatError extends Error {
  /** `kind`: offline, refused (not on this page), expired (another session is needed), slow (too fast), tooLarge, fileKind, invalid, unavailable. */
  constructor(kind, detail, retryAfter) {
    super(detail || kind);
    this.kind = kind;
    this.retryAfter = retryAfter;
  }
}

const KINDS = {
  400: "invalid", 401: "expired", 403: "refused", 404: "refused", 413: "tooLarge", 415: "fileKind", 422: "invalid", 429: "slow",
};
/** The server says every 15 seconds that a stream lives; after this many milliseconds of silence it does not. */
const SILENCE = 40000;

/** `token` tells the token to show, if there is one. */
function apiOf(origin, bot, token) {
  const base = `${origin}/api/chat/${encodeURIComponent(bot)}`;

  async function call(method, path, body, signal) {
    const shown = token();
    const isForm = body instanceof FormData;
    let answer;
    try {
      answer = await fetch(base + path, {
        method, body: isForm ? body : body && JSON.stringify(body), credentials: "omit", cache: path === "/widget" ? "default" : "no-store", signal,
        headers: {
          ...(shown ? { Authorization: `Bearer ${shown}` } : {}),
          ...(body && !isForm ? { "Content-Type": "application/json" } : {}),
        },
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ChatError("offline");
    }
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    const wait = Number(answer.headers.get("Retry-After")) || undefined;
    const error = new ChatError(KINDS[answer.status] || "unavailable", problem.detail, wait);
    error.token = shown;
    throw error;
  }

  const json = async (...request) => {
    const answer = await call(...request);
    try {
      return await answer.json();
    } catch {
      throw new ChatError("offline");
    }
  };

  return {
    settings: () => json("GET", "/widget"),
    session: (body) => json("POST", "/sessions", body),
    messages: () => json("GET", "/messages"),
    send: (message) => json("POST", "/messages", { ...message, wait: "none" }),
    upload(file) {
      const form = new FormData();
      form.append("file", file, file.name);
      return json("POST", "/files", form);
    },
    /** Says what the visitor thinks of an answer; nothing takes back what was said. */
    rate: (id, feedback) => call(feedback ? "PUT" : "DELETE", `/messages/${encodeURIComponent(id)}/feedback`, feedback),
    /** Reads events until the connection ends. `opened()` is called once it stands, `heard({event, id, data})` for each event. */
    async stream(after, signal, opened, heard) {
      const ended = new AbortController();
      const end = () => ended.abort();
      if (signal.aborted) return;
      signal.addEventListener("abort", end, { once: true });
      let silent = setTimeout(end, SILENCE);
      try {
        const answer = await call("GET", `/stream${after ? `?after=${encodeURIComponent(after)}` : ""}`, undefined, ended.signal);
        const reader = answer.body.getReader();
        const decoder = new TextDecoder();
        let rest = "";
        opened();
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          clearTimeout(silent);
          silent = setTimeout(end, SILENCE);
          rest += decoder.decode(value, { stream: true });
          const events = rest.split("\n\n");
          rest = events.pop();
          for (const event of events) {
            const read = eventOf(event);
            if (read) heard(read);
          }
        }
      } finally {
        clearTimeout(silent);
        signal.removeEventListener("abort", end);
      }
    },
  };
}

/** One event of an event stream. `null` for a comment. */
function eventOf(text) {
  const event = { event: "message", id: undefined, data: "" };
  let any = false;
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon === 0) continue;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") event.data += (any ? "\n" : "") + value;
    any = any || name === "data";
    if (name === "event") event.event = value;
    if (name === "id") event.id = value;
  }
  return any ? { ...event, data: JSON.parse(event.data) } : null;
}
