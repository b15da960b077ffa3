// The bot's chat API, and what its errors mean for a visitor.

class ChatError extends Error {
  /** `kind`: offline, refused (not on this page), expired (another session is needed), slow (too fast), invalid, unavailable. */
  constructor(kind, detail, retryAfter) {
    super(detail || kind);
    this.kind = kind;
    this.retryAfter = retryAfter;
  }
}

const KINDS = { 400: "invalid", 401: "expired", 403: "refused", 404: "refused", 413: "invalid", 422: "invalid", 429: "slow" };

function apiOf(origin, bot) {
  const base = `${origin}/api/chat/${encodeURIComponent(bot)}`;
  let token = null;

  async function call(method, path, body, options = {}) {
    let answer;
    try {
      answer = await fetch(base + path, {
        method, body: body instanceof FormData ? body : body && JSON.stringify(body), credentials: "omit", cache: "no-store",
        headers: {
          ...(token ? { Authorization: `Bearer ${token}` } : {}),
          ...(body && !(body instanceof FormData) ? { "Content-Type": "application/json" } : {}),
          ...(options.headers || {}),
        },
        signal: options.signal,
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ChatError("offline");
    }
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    const wait = Number(answer.headers.get("Retry-After")) || undefined;
    throw new ChatError(KINDS[answer.status] || "unavailable", problem.detail, wait);
  }

  const json = async (...request) => (await call(...request)).json();

  return {
    use: (given) => { token = given; },
    settings: () => json("GET", "/widget"),
    session: (body) => json("POST", "/sessions", body),
    messages: (after) => json("GET", `/messages${after ? `?after=${encodeURIComponent(after)}` : ""}`),
    send: (message) => json("POST", "/messages", { ...message, wait: "none" }),
    upload(file) {
      const form = new FormData();
      form.append("file", file, file.name);
      return json("POST", "/files", form);
    },
    /** Reads events until the connection ends. `heard({event, id, data})` is called for each. */
    async stream(after, signal, heard) {
      const path = `/stream${after ? `?after=${encodeURIComponent(after)}` : ""}`;
      const answer = await call("GET", path, undefined, { signal, headers: { Accept: "text/event-stream" } });
      const reader = answer.body.getReader();
      const decoder = new TextDecoder();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        rest += decoder.decode(value, { stream: true });
        const events = rest.split(/\r?\n\r?\n/);
        rest = events.pop();
        for (const event of events) {
          const read = eventOf(event);
          if (read) heard(read);
        }
      }
    },
  };
}

/** One event of an event stream. `null` for a comment. */
function eventOf(text) {
  const event = { event: "message", id: undefined, data: "" };
  let any = false;
  for (const line of text.split(/\r?\n/)) {
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
