// What the visitor sees. Knows nothing of the API: it is told what there is, and tells what was done.

const SMALL = "(max-width: 480px)";

/** Builds the window. `acts`: open, close, write(text, media), choose(button), upload(file, attached), retry(id), rate(id, feedback). */
function viewOf(host, settings, words, acts) {
  const say = words.say;
  const shadow = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  shadow.adoptedStyleSheets = [sheet];

  const name = words.own.title || settings.name || say("title");
  const small = matchMedia(SMALL);
  const log = element("div", { class: "log", role: "log", "aria-live": "off", tabindex: "0", "aria-label": name });
  const state = element("div", { class: "state", role: "status" });
  const said = element("div", { class: "hidden", "aria-live": "polite" });
  const writer = writerOf(settings, words, { ...acts, say: (text) => tell(text) });
  const close = element("button", { type: "button", "aria-label": say("close"), title: say("close"), onclick: () => acts.close() }, icon(ICONS.close));
  const letter = element("span", { class: "letter", "aria-hidden": "true" }, [...name.trim()][0] || "");
  const logo = safeAddress(settings.logo || "") ? image(settings.logo, "", letter) : letter;
  const head = element("div", { class: "head" }, logo, element("h2", { id: "title" }, name), close);
  const panel = element("section", { class: "panel", role: "dialog", "aria-labelledby": "title", tabindex: "-1", hidden: true }, head, log, state, writer.node, said);
  const count = element("span", { class: "count", hidden: true });
  const launcher = element("button", { type: "button", class: "launcher", "aria-label": say("open"), "aria-expanded": "false", onclick: () => (isOpen() ? acts.close() : acts.open()) }, icon(ICONS.chat, 26), icon(ICONS.down, 26), count);
  const theme = ["light", "dark"].includes(settings.theme) ? settings.theme : "auto";
  const root = element("div", { class: `root ${theme} ${settings.position === "left" ? "left" : "right"}`, role: "region", "aria-label": name, dir: words.direction, lang: words.language }, panel, launcher);
  for (const [property, value] of Object.entries(coloursOf(settings.colour))) root.style.setProperty(property, value);
  shadow.append(root);
  // Above everything on the page, whatever its z-index.
  if (host.showPopover) {
    host.setAttribute("popover", "manual");
    host.showPopover();
  }

  const shown = new Map();
  let form = null;
  let typing = null;
  let draft = null;
  let unread = 0;

  // The page's own shortcuts are not meant for whoever writes here.
  for (const kind of ["keydown", "keyup", "keypress"]) root.addEventListener(kind, (event) => event.stopPropagation());
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) acts.close();
    if (event.key === "Tab" && small.matches) goRound(event);
  });

  /** Where the window covers the page, the keyboard stays in it. */
  function goRound(event) {
    const stops = [...panel.querySelectorAll("button, input, textarea, a[href], [tabindex='0']")]
      .filter((node) => !node.disabled && node.tabIndex >= 0 && node.checkVisibility?.() !== false);
    const [from, to] = event.shiftKey ? [stops[0], stops.at(-1)] : [stops.at(-1), stops[0]];
    if (shadow.activeElement === from || shadow.activeElement === panel) {
      event.preventDefault();
      to.focus();
    }
  }

  const isOpen = () => !panel.hidden;

  function focus() {
    const coarse = matchMedia("(pointer: coarse)").matches;
    // On a touch screen the keyboard would cover what there is to read.
    if (coarse) panel.focus();
    else (form?.querySelector("input") || writer.text).focus();
  }

  function open() {
    panel.hidden = false;
    panel.setAttribute("aria-modal", String(small.matches));
    root.classList.add("open");
    launcher.setAttribute("aria-expanded", "true");
    launcher.setAttribute("aria-label", say("close"));
    unread = 0;
    count.hidden = true;
    log.scrollTop = log.scrollHeight;
  }

  function tell(text) {
    state.textContent = text || "";
  }

  function announce(text) {
    said.textContent = "";
    said.textContent = text;
  }

  let atEnd = true;
  const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  log.addEventListener("scroll", () => { atEnd = isAtEnd(); });
  new ResizeObserver(() => { if (atEnd) log.scrollTop = log.scrollHeight; }).observe(log);

  /** Keeps the newest in sight of whoever is reading there, and leaves alone whoever has scrolled back. */
  function keepEnd(change) {
    const follow = isAtEnd();
    change();
    if (follow) log.scrollTop = log.scrollHeight;
  }

  /** Takes something away without losing whoever is in it. */
  function drop(node) {
    if (!node) return;
    const within = node.contains(shadow.activeElement);
    node.remove();
    if (within) focus();
  }

  function place(row) {
    const after = [...shown.values()].filter((other) => other !== row && other.place > row.place);
    const next = after.reduce((first, other) => (!first || other.place < first.place ? other : first), null);
    const before = next || draft || typing;
    if (row.nextElementSibling !== before || !row.parentNode) log.insertBefore(row, before);
  }

  return {
    isOpen, focus,
    /** Shows a message, or what has become of one that is shown: `{id, cursor, mine, sender, text, media, buttons, citations, feedback, rateable, sending, failed}`. */
    message(message, fresh) {
      keepEnd(() => {
        const before = shown.get(message.id);
        const row = before || element("div", { class: `row ${message.mine ? "you" : "bot"}` });
        row.place = message.cursor === undefined ? row.place ?? Infinity : Number(message.cursor);
        if (!before) for (const choices of log.querySelectorAll(".choices")) drop(choices);
        if (!message.mine) { draft?.remove(); draft = null; }
        const within = row.contains(shadow.activeElement);
        row.replaceChildren(...messageOf(message, say, acts));
        if (within) focus();
        shown.set(message.id, row);
        place(row);
        if (fresh && !message.mine) {
          announce(say("newMessage", { text: row.querySelector(".message").innerText.replace(/\s+/g, " ") }));
          if (!isOpen()) { count.textContent = String((unread += 1)); count.hidden = false; }
        }
      });
      if (!fresh && !message.mine) log.scrollTop = log.scrollHeight;
    },
    /** What has been written of an answer so far. */
    draft(written) {
      keepEnd(() => {
        if (!draft) { draft = element("div", { class: "row bot draft", "aria-hidden": "true" }); log.append(draft); }
        const said = element("div", { class: "said", dir: "auto" });
        renderMarkdown(written, said);
        draft.replaceChildren(element("div", { class: "message" }, said));
        typing?.remove();
        typing = null;
      });
    },
    typing(is) {
      keepEnd(() => {
        if (!is) { typing?.remove(); typing = null; return; }
        if (typing || draft) return;
        typing = element("div", { class: "typing" }, element("i"), element("i"), element("i"), element("span", { class: "hidden" }, say("typing")));
        log.append(typing);
        announce(say("typing"));
      });
    },
    /** What is the matter, in words; nothing if all is well. */
    state: tell,
    writing: writer.allow,
    open() { open(); focus(); },
    /** Open as on the page before, without taking the keyboard; never where it would cover the page. */
    reopen() { if (!small.matches) open(); },
    close() {
      panel.hidden = true;
      root.classList.remove("open");
      launcher.setAttribute("aria-expanded", "false");
      launcher.setAttribute("aria-label", say("open"));
      launcher.focus();
    },
    /** Shows a form instead of the conversation, or the conversation again. */
    form(given) {
      if (!given && !form) return;
      form?.remove();
      form = given;
      log.hidden = writer.node.hidden = Boolean(form);
      if (form) panel.insertBefore(form, state);
      if (isOpen() && shadow.activeElement) focus();
      log.scrollTop = log.scrollHeight;
    },
  };
}
