// <script src="https://bots.example.com/widget.js" data-bot="…" async></script>
//
// Invariant: what the visitor wrote is shown once, whatever the network does: each message has an id of ours under which
// the server knows a repeat, and is shown by it; what the server says is shown by the server's.

const script = document.currentScript || document.querySelector("script[data-bot][src*='widget.js']");
const MOST_FILES = 10;
const BEGUN = "botsmith:begun";

async function start() {
  const given = script?.dataset || {};
  if (!given.bot) {
    console.error("BotSmith: the widget's script needs data-bot, the chatbot's id");
    return;
  }
  if (document.getElementById("botsmith-widget")) return;
  // A site that changes its pages without loading them may have taken away the one of before.
  window.dispatchEvent(new Event(BEGUN));
  const host = element("div", { id: "botsmith-widget" });
  document.body.append(host);
  const memory = memoryOf(given.bot);
  const origin = new URL(script.src).origin;
  const api = apiOf(origin, given.bot, () => memory.get("token"));
  const settings = await settingsOf(api, origin);
  if (!settings) {
    host.remove();
    return;
  }
  const words = textsFor([given.language || settings.language, document.documentElement.lang, navigator.language], settings.texts);
  const say = words.say;
  const who = given.identity ? { identity: given.identity } : given.user ? { user: given.user, user_hash: given.userHash } : {};
  const session = sessionOf(api, memory, who, ask);
  /** How many times something has come of a question. */
  let outcomes = 0;

  const view = viewOf(host, settings, words, {
    open() { memory.set({ open: true }); view.open(); if (!session.holds() && form()) session.ready().then(begin); },
    close() { memory.set({ open: false }); view.close(); },
    write: (text, media) => outbox.add({ id: newId(), text, media }),
    choose: ({ title, value, asks }) => outbox.add(asks ? { id: newId(), text: value } : { id: newId(), text: title, choice: value }),
    upload,
    retry: (id) => outbox.retry(id),
    rate,
  });
  const outbox = outboxOf(api, session, memory, {
    showing: (message) => view.message({ ...message, mine: true, sending: !message.failed }, false),
    sending() { follower.start(); before = outcomes; },
    sent(message, accepted) {
      view.message({ ...message, mine: true, cursor: accepted.cursor }, false);
      if (before === outcomes) come(accepted.state);
    },
    trouble: tell,
    clear: () => view.state(""),
  });
  const follower = followerOf(api, session, {
    message(item, fresh) {
      const mine = item.direction === "inbound";
      if (mine && item.client_id) outbox.settle(item.client_id);
      if (!mine) outcomes += 1;
      if (!mine && fresh) view.state("");
      view.typing(mine && ["waiting", "answering"].includes(item.state));
      view.message({ ...item, id: item.client_id || item.id, mine, citations: settings.citations === false ? [] : item.citations, rateable: settings.feedback !== false && item.sender === "bot" }, fresh);
    },
    typing: () => view.typing(true),
    draft: (text) => view.draft(text),
    state(state) { outcomes += 1; come(state); },
    trouble: tell,
    clear: () => view.state(""),
  });
  let before = 0;

  const suggestions = (settings.suggestions || []).map((suggestion) => ({ ...suggestion, asks: true }));
  const welcome = settings.welcome || (suggestions.length ? say("title") : null);
  if (welcome) view.message({ id: "welcome", cursor: -1, text: welcome, buttons: suggestions }, false);
  begin();
  memory.watch(begin);
  window.addEventListener(BEGUN, follower.stop, { once: true });
  if (memory.get("open")) view.reopen();
  if (view.isOpen() && !session.holds() && form()) session.ready().then(begin);

  /** Goes on with what was said before, here or in another tab. */
  function begin() {
    for (const message of outbox.all()) view.message({ ...message, mine: true, sending: !message.failed }, false);
    if (!session.holds()) return;
    view.form(null);
    follower.start();
    if (outbox.all().length) outbox.flush();
  }

  /** Whom the page vouches for is not asked. */
  function form() {
    return (settings.pre_chat || []).length > 0 && !who.identity && !who.user;
  }

  /** Lets the visitor in, after what the owner wants to know first. */
  async function ask(create) {
    if (!form()) { await create(); return; }
    await new Promise((done) => {
      const given = async (lead) => { await create(lead); view.form(null); done(); };
      view.form(formOf(settings, say, given));
      memory.watch(() => { if (session.holds()) { view.form(null); done(); } });
    });
    view.focus();
  }

  /** What has become of a question so far. */
  function come(state) {
    if (state === "waiting" || state === "answering") view.typing(true);
    else view.typing(false);
    if (state === "for_human") view.state(say("person"));
    if (state === "expired" || state === "dead") view.state(say("unanswered"));
  }

  /** A file that will go with the next message: what the server calls it, or nothing where it was not taken. */
  async function upload(file, attached) {
    const limit = settings.max_file_megabytes || 10;
    if (attached >= MOST_FILES) { view.state(say("tooMany", { limit: MOST_FILES })); return null; }
    if (file.size > limit * 1048576) { view.state(say("tooLarge", { limit })); return null; }
    try {
      await session.ready();
      const { id, name, content_type } = await api.upload(file);
      view.state("");
      return { id, name, content_type };
    } catch (error) {
      if (error.kind === "expired") session.lost(error.token);
      if (error.kind === "tooLarge" || error.kind === "fileKind") view.state(say(error.kind, { limit }));
      else view.state(say("fileFailed"));
      return null;
    }
  }

  /** What the visitor thinks of an answer. Whether it was taken. */
  async function rate(id, feedback) {
    try {
      await api.rate(id, feedback);
      return true;
    } catch (error) {
      if (error.kind === "expired") session.lost(error.token);
      return false;
    }
  }

  function tell(error) {
    const known = ["offline", "reconnecting", "refused", "slow"];
    view.state(say(known.includes(error.kind) ? error.kind : navigator.onLine ? "unavailable" : "offline"));
    if (error.kind === "refused") view.writing(false);
  }
}

/** What the owner has set. `null`: nobody on the page is helped by a window that cannot talk. */
async function settingsOf(api, origin) {
  const pause = pauses();
  // A page that is not allowed cannot tell that from a server that is away.
  const most = { offline: 3, slow: 8, unavailable: 8 };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await api.settings();
    } catch (error) {
      if (attempt < (most[error.kind] || 1)) {
        await pause.rest(error);
        continue;
      }
      const why = error.kind === "offline"
        ? `pages of ${location.origin} are not among the allowed origins of the chatbot's web integration, or ${origin} cannot be reached (a Content-Security-Policy needs it in connect-src)`
        : error.message;
      console.error(`BotSmith: the chat does not start: ${why}`);
      return null;
    }
  }
}

if (document.body) start();
else document.addEventListener("DOMContentLoaded", start);
