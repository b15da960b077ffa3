// One message, as it looks.

const PICTURE = /\.(png|jpe?g|gif|webp|avif)$/i;

/** What stands in a message's row: who, the bubble, the sources, what is thought of it, what can be chosen, and what has become of it. */
function messageOf(message, say, acts) {
  const who = message.mine ? "you" : message.sender === "agent" ? "agent" : "bot";
  const said = element("div", { class: "said", dir: "auto" });
  if (message.mine) said.append(message.text || "");
  else renderMarkdown(message.text || "", said);
  const bubble = element("div", { class: "message" }, element("span", { class: "hidden" }, `${say(who)}: `), said);
  for (const medium of message.media || []) bubble.append(mediumOf(medium));
  const parts = who === "agent" ? [element("div", { class: "who", "aria-hidden": "true" }, say("agent")), bubble] : [bubble];
  const sources = (message.citations || []).filter((citation) => citation.title);
  if (sources.length) bubble.append(element("div", { class: "sources" }, element("span", {}, say("sources")), element("ul", {}, ...sources.map((source) => element("li", {}, sourceOf(source))))));
  if (message.failed) {
    const why = message.failed === true ? say("failed") : `${say("failed")} ${message.failed}`;
    parts.push(element("div", { class: "note wrong", role: "alert" }, why, " ", element("button", { type: "button", onclick: () => acts.retry(message.id) }, say("retry"))));
  } else if (message.sending) parts.push(element("div", { class: "note" }, say("sending")));
  if (message.rateable) parts.push(ratingOf(message, say, acts));
  if (!message.mine && message.buttons?.length) {
    const buttons = message.buttons.map((button) => element("button", { type: "button", dir: "auto", onclick: () => acts.choose(button) }, button.title));
    parts.push(element("div", { class: "choices" }, ...buttons));
  }
  return parts;
}

/** A document's title; a page can be opened. */
function sourceOf({ title, url }) {
  const address = safeAddress(url || "");
  return address ? element("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, title) : title;
}

/** A picture, or a file by its name. What the visitor sent has no address. */
function mediumOf({ url, name, content_type }) {
  const address = safeAddress(url || "");
  const called = name || (address && decodeURIComponent(new URL(address).pathname.split("/").pop())) || "…";
  const chip = () => element("span", { class: "file" }, icon(ICONS.file, 18), element("span", {}, called));
  if (!address) return chip();
  const isPicture = String(content_type || "").startsWith("image/") || PICTURE.test(new URL(address).pathname);
  return element("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, isPicture ? image(address, called, chip()) : chip());
}
