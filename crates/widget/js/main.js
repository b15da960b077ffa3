// <script src="https://bots.example.com/widget.js" data-bot="…" data-language="de" data-identity="…" async></script>
//
// Invariants: what the visitor wrote is shown once, whatever the network does: each message has an id of ours under which
// the server knows a repeat; what comes from the server is shown by its id, so that resuming shows nothing twice.

const script = document.currentScript;

async function start() {
  const bot = script?.dataset.bot;
  if (!bot) {
    console.error("BotSmith: the script needs data-bot, the chatbot's id");
    return;
  }
  const origin = script.dataset.server || new URL(script.src).origin;
  const api = apiOf(origin, bot);
  const memory = memoryOf(bot);
  let settings;
  try {
    settings = await api.settings();
  } catch (error) {
    // Nobody on the page is helped by a window that cannot talk.
    console.error(`BotSmith: the widget does not start: ${error.message}`);
    return;
  }
  const words = textsFor(script.dataset.language || settings.language || document.documentElement.lang || navigator.language, settings.texts);
  const host = element("div", { id: "botsmith-widget" });
  document.body.append(host);
  const shadow = host.attachShadow({ mode: "open" });
  const pending = new Map((memory.get("pending") || []).map((message) => [message.id, message]));
  let last = null;
  let listening = null;
  let begun = null;

  const view = viewOf(shadow, settings, words, {
    open() { memory.set({ open: true }); view.open(); begin(); },
    close() { memory.set({ open: false }); view.close(); },
    write(text) { deliver({ id: newId(), text }); },
    choose(button) { deliver({ id: newId(), text: button.title, choice: button.value }); },
    attach,
    retry(id) { const message = pending.get(id); if (message) deliver(message); },
  });
  if (settings.welcome) view.message({ id: "welcome", text: settings.welcome, buttons: settings.suggestions }, false);
  if (memory.get("open")) { view.open(); begin(); } else if (memory.get("token")) begin();

  /** A session, then everything there is, then whatever comes. Once. */
  function begin() {
    begun ||= (async () => {
      try {
        await session();
        for (const message of (await api.messages()).items) show(message, false);
        for (const message of pending.values()) deliver(message);
        listen();
      } catch (error) {
        begun = null;
        tell(error);
      }
    })();
    return begun;
  }

  async function session() {
    const kept = memory.get("token");
    if (kept) { api.use(kept); return; }
    const asked = (settings.pre_chat || []).length ? await view.form(settings.pre_chat, settings.consent) : undefined;
    const made = await api.session({ identity: script.dataset.identity || undefined, lead: asked });
    memory.set({ token: made.token });
    api.use(made.token);
  }

  /** Another session: the old one has ended, and with it its conversation. */
  async function renew() {
    memory.set({ token: undefined });
    last = null;
    await session();
  }

  async function deliver(message) {
    pending.set(message.id, message);
    keepPending();
    view.message({ ...message, mine: true, sending: true }, false);
    try {
      await begin();
      const accepted = await api.send(message).catch(async (error) => {
        if (error.kind !== "expired") throw error;
        await renew();
        listen();
        return api.send(message);
      });
      pending.delete(message.id);
      keepPending();
      view.rename(message.id, accepted.message_id);
      view.message({ ...message, id: accepted.message_id, mine: true }, false);
      view.state("");
      view.typing(true);
    } catch (error) {
      const offline = error.kind === "offline";
      view.message({ ...message, mine: true, sending: offline, failed: offline ? undefined : words.say("failed") }, false);
      tell(error);
      if (offline) window.addEventListener("online", () => deliver(message), { once: true });
    }
  }

  async function attach(file) {
    const limit = settings.max_file_megabytes || 10;
    if (file.size > limit * 1048576) { view.state(words.say("tooLarge", { limit })); return; }
    try {
      await begin();
      view.state(words.say("sending"));
      const stored = await api.upload(file);
      view.state("");
      deliver({ id: newId(), text: file.name, files: [stored.id] });
    } catch (error) {
      tell(error);
    }
  }

  /** Follows the conversation for as long as the page lives; a connection that ends is opened again where it ended. */
  async function listen() {
    listening?.abort();
    const mine = (listening = new AbortController());
    let pause = 1000;
    while (!mine.signal.aborted) {
      try {
        await api.stream(last, mine.signal, (event) => {
          pause = 1000;
          view.state("");
          hear(event);
        });
      } catch (error) {
        if (mine.signal.aborted) return;
        if (error.kind === "refused") { tell(error); return; }
        if (error.kind === "expired") {
          try { await renew(); } catch (problem) { tell(problem); return; }
        } else view.state(words.say(navigator.onLine ? "reconnecting" : "offline"));
      }
      await rest(pause + Math.random() * 500);
      pause = Math.min(pause * 2, 30000);
    }
  }

  function hear({ event, id, data }) {
    if (event === "draft") view.draft(data.text);
    else if (event === "typing") view.typing(data.on !== false);
    else if (event === "message") { if (id) last = id; show(data, true); }
  }

  function show(message, fresh) {
    const mine = message.direction === "inbound";
    if (message.id) last = message.cursor || message.id;
    if (mine && message.client_id) {
      pending.delete(message.client_id);
      keepPending();
      view.rename(message.client_id, message.id);
    }
    if (!mine) { view.draft(""); view.typing(false); }
    view.message({ ...message, mine }, fresh);
  }

  function tell(error) {
    const known = { offline: "offline", refused: "refused", slow: "slow", expired: "unavailable", unavailable: "unavailable" };
    view.state(error.kind === "invalid" ? error.message : words.say(known[error.kind] || "unavailable"));
    if (error.kind === "refused") view.writing(false);
  }

  function keepPending() {
    memory.set({ pending: [...pending.values()] });
  }
}

function newId() {
  return crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random().toString(36).slice(2)}`;
}

function rest(milliseconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    window.addEventListener("online", done, { once: true });
    function done() {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    }
  });
}

if (document.body) start();
else document.addEventListener("DOMContentLoaded", start);
