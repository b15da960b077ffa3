// What the visitor sees. Knows nothing of the API: it is told what there is, and tells what was done.

/** Builds the widget inside a shadow root. `acts`: open, close, write, choose, attach, retry, form. */
function viewOf(shadow, settings, words, acts) {
  const say = words.say;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  shadow.adoptedStyleSheets = [sheet];

  const root = element("div", { class: `root ${settings.theme || "auto"} ${settings.position === "start" ? "start" : ""}`, dir: words.direction, lang: words.language });
  paint(root, settings.color);
  const log = element("div", { class: "log", role: "log", "aria-live": "off", tabindex: "0", "aria-label": settings.title || say("title") });
  const state = element("div", { class: "state", role: "status" });
  const said = element("div", { class: "hidden", "aria-live": "polite" });
  const text = element("textarea", { rows: "1", "aria-label": say("placeholder"), placeholder: say("placeholder"), maxlength: String(settings.max_characters || 4000) });
  const file = element("input", { type: "file", class: "hidden", tabindex: "-1", "aria-hidden": "true", onchange: () => { if (file.files[0]) acts.attach(file.files[0]); file.value = ""; } });
  const attach = element("button", { type: "button", "aria-label": say("attach"), title: say("attach"), onclick: () => file.click() }, icon(ICONS.attach));
  const send = element("button", { type: "submit", class: "send", "aria-label": say("send"), title: say("send") }, icon(ICONS.send));
  const writer = element("form", { class: "writer", onsubmit: (event) => { event.preventDefault(); submit(); } }, settings.files === false ? null : attach, file, text, send);
  const close = element("button", { type: "button", "aria-label": say("close"), title: say("close"), onclick: () => acts.close() }, icon(ICONS.close));
  const logo = safeAddress(settings.logo || "") ? element("img", { src: settings.logo, alt: "" }) : null;
  const title = element("h2", { id: "title" }, settings.title || say("title"));
  const panel = element("section", { class: "panel", role: "dialog", "aria-labelledby": "title", hidden: true }, element("div", { class: "head" }, logo, title, close), log, state, writer, said);
  const launcher = element("button", { type: "button", class: "launcher", "aria-label": say("open"), "aria-expanded": "false", onclick: () => (panel.hidden ? acts.open() : acts.close()) }, icon(ICONS.chat));
  root.append(panel, launcher);
  shadow.append(root);

  const shown = new Map();
  let typing = null;
  let draft = null;
  let unread = 0;

  function submit() {
    const written = text.value.trim();
    if (!written) return;
    text.value = "";
    grow();
    acts.write(written);
  }

  function grow() {
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, 120)}px`;
  }
  text.addEventListener("input", grow);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    }
  });
  panel.addEventListener("keydown", (event) => { if (event.key === "Escape") acts.close(); });

  /** Keeps the newest in sight of whoever is reading there, and leaves alone whoever has scrolled back. */
  function keepEnd(change) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    change();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function fill(node, message) {
    node.replaceChildren(element("span", { class: "hidden" }, `${say(message.mine ? "you" : "bot")}: `));
    if (message.mine) node.append(message.text);
    else renderMarkdown(message.text, node);
    for (const medium of message.media || []) {
      const address = safeAddress(medium.url || "");
      if (!address) continue;
      const picture = String(medium.content_type || "").startsWith("image/");
      node.append(element("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, picture ? element("img", { src: address, alt: medium.name || "" }) : medium.name || address));
    }
    const sources = [...new Set((message.citations || []).map((citation) => citation.title).filter(Boolean))];
    if (sources.length) node.append(element("div", { class: "sources" }, `${say("sources")}: ${sources.join(", ")}`));
  }

  return {
    /** Shows a message, or what has become of one that is shown: `{id, mine, text, citations, buttons, media, failed, sending}`. */
    message(message, fresh) {
      keepEnd(() => {
        log.querySelector(".choices")?.remove();
        let node = shown.get(message.id);
        if (!node) {
          node = element("div", { class: `message ${message.mine ? "you" : "bot"}`, dir: "auto" });
          shown.set(message.id, node);
          log.insertBefore(node, draft || typing);
        }
        fill(node, message);
        node.nextElementSibling?.matches(".note") && node.nextElementSibling.remove();
        if (message.failed) node.after(element("div", { class: "note wrong", role: "alert" }, `${message.failed} `, element("button", { type: "button", onclick: () => acts.retry(message.id) }, say("retry"))));
        else if (message.sending) node.after(element("div", { class: "note" }, say("sending")));
        if (!message.mine && (message.buttons || []).length) {
          const buttons = message.buttons.map((button) => element("button", { type: "button", onclick: () => acts.choose(button) }, button.title));
          log.append(element("div", { class: "choices", role: "group" }, ...buttons));
        }
      });
      if (fresh && !message.mine) {
        said.textContent = say("newMessage", { text: message.text });
        if (panel.hidden) launcher.dataset.unread = String((unread += 1));
      }
    },
    /** A message that was shown under a name of ours is known by another now. */
    rename(before, now) {
      const node = shown.get(before);
      if (!node || before === now) return;
      shown.delete(before);
      if (shown.has(now)) { node.nextElementSibling?.matches(".note") && node.nextElementSibling.remove(); node.remove(); } else shown.set(now, node);
    },
    draft(written) {
      keepEnd(() => {
        if (!written) { draft?.remove(); draft = null; return; }
        if (!draft) { draft = element("div", { class: "message bot", dir: "auto", "aria-hidden": "true" }); log.append(draft); }
        draft.replaceChildren();
        renderMarkdown(written, draft);
        typing?.remove();
        typing = null;
      });
    },
    typing(is) {
      keepEnd(() => {
        if (!is || draft) { typing?.remove(); typing = null; return; }
        if (typing) return;
        typing = element("div", { class: "typing" }, element("i"), element("i"), element("i"), element("span", { class: "hidden" }, say("typing")));
        log.append(typing);
      });
    },
    state(words, action) {
      state.replaceChildren(words || "");
      if (words && action) state.append(" ", element("button", { type: "button", onclick: action.act }, action.words));
    },
    writing(allowed) {
      for (const part of [text, send, attach]) part.disabled = !allowed;
    },
    open() {
      panel.hidden = false;
      root.classList.add("open");
      launcher.setAttribute("aria-expanded", "true");
      launcher.setAttribute("aria-label", say("close"));
      delete launcher.dataset.unread;
      unread = 0;
      log.scrollTop = log.scrollHeight;
      (panel.querySelector(".form input") || text).focus();
    },
    close() {
      panel.hidden = true;
      root.classList.remove("open");
      launcher.setAttribute("aria-expanded", "false");
      launcher.setAttribute("aria-label", say("open"));
      launcher.focus();
    },
    /** Asks for what the owner wants to know first. Resolves with what was typed. */
    form(fields, consent) {
      return new Promise((resolve) => {
        const inputs = fields.map((field) => element("input", { name: field.name, type: field.type || "text", required: field.required, autocomplete: { name: "name", email: "email", phone: "tel" }[field.name] || "on" }));
        const labels = fields.map((field, index) => element("label", {}, field.label || say(field.name), inputs[index]));
        const agreed = consent ? element("input", { type: "checkbox", name: "consent", required: true }) : null;
        if (agreed) labels.push(element("label", { class: "check" }, agreed, typeof consent === "string" ? consent : say("consent")));
        const form = element("form", {
          class: "form", onsubmit: (event) => {
            event.preventDefault();
            form.remove();
            log.hidden = writer.hidden = false;
            resolve(Object.fromEntries(inputs.map((input) => [input.name, input.value.trim()]).filter(([, value]) => value)));
            text.focus();
          },
        }, ...labels, element("button", { type: "submit", class: "go" }, say("start")));
        log.hidden = writer.hidden = true;
        panel.insertBefore(form, state);
        if (!panel.hidden) inputs[0]?.focus();
      });
    },
  };
}

/** The owner's colour, with black or white upon it, whichever can be read. */
function paint(root, color) {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(color || "");
  if (!found) return;
  const [red, green, blue] = found.slice(1).map((hex) => {
    const share = parseInt(hex, 16) / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  root.style.setProperty("--accent", color);
  root.style.setProperty("--on-accent", 1.05 / (bright + 0.05) >= 4.5 ? "#fff" : "#000");
}
