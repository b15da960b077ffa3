// Where the visitor writes, and what goes with it.

/** What the server takes (it looks at the bytes, not at this). */
const ACCEPTED = "image/png,image/jpeg,image/gif,image/webp,image/heic,application/pdf,text/plain,audio/*,video/mp4,video/webm";

/** `acts`: write(text, media), upload(file, attached), say(words). */
function writerOf(settings, { say, direction }, acts) {
  const limit = settings.max_characters || 4000;
  let media = [];
  let uploading = 0;
  const text = element("textarea", { rows: "1", "aria-label": say("placeholder"), placeholder: say("placeholder"), dir: direction });
  const file = element("input", { type: "file", hidden: true, multiple: true, accept: ACCEPTED, onchange: () => { attach([...file.files]); file.value = ""; } });
  const attachButton = element("button", { type: "button", "aria-label": say("attach"), title: say("attach"), onclick: () => file.click() }, icon(ICONS.attach));
  const send = element("button", { type: "submit", class: "send", "aria-label": say("send"), title: say("send") }, icon(ICONS.send));
  const chips = element("div", { class: "chips", hidden: true });
  const files = settings.files === false ? [] : [attachButton, file];
  const node = element("form", { class: "writer", onsubmit: (event) => { event.preventDefault(); submit(); } }, chips, element("div", { class: "line" }, ...files, text, send));

  function submit() {
    const written = text.value.trim();
    if (uploading || (!written && !media.length)) return;
    if ([...written].length > limit) { acts.say(say("tooLong", { limit })); return; }
    const going = media;
    text.value = "";
    media = [];
    show();
    grow();
    acts.say("");
    acts.write(written, going);
  }

  async function attach(chosen) {
    for (const one of chosen) {
      uploading += 1;
      show(one.name);
      const medium = await acts.upload(one, media.length);
      uploading -= 1;
      if (medium) media.push(medium);
      show();
    }
    text.focus();
  }

  function show(coming) {
    chips.replaceChildren(...media.map((medium) => {
      const remove = element("button", { type: "button", "aria-label": say("remove", { name: medium.name }), onclick: () => { media = media.filter((other) => other !== medium); show(); text.focus(); } }, icon(ICONS.close, 14));
      return element("span", { class: "file" }, icon(ICONS.file, 18), element("span", {}, medium.name), remove);
    }));
    if (coming) chips.append(element("span", { class: "file", "aria-busy": "true" }, icon(ICONS.file, 18), element("span", {}, coming)));
    chips.hidden = !chips.children.length;
    look();
  }

  /** As tall as what is written, up to five lines. */
  function grow() {
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, 132)}px`;
    look();
  }

  function look() {
    // What is written has its own direction; an empty field that of its placeholder.
    text.dir = text.value ? "auto" : direction;
    send.classList.toggle("ready", Boolean(text.value.trim() || media.length));
  }

  text.addEventListener("input", grow);
  text.addEventListener("keydown", (event) => {
    // 229: an input method's own Enter, where the browser says no more of it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
  });

  return {
    node, text,
    allow(allowed) {
      for (const part of [text, send, attachButton]) part.disabled = !allowed;
    },
  };
}
