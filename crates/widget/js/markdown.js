// Markdown of answers as DOM nodes. Nothing is ever parsed as HTML: what a model or a document wrote is text.

/** Renders into `parent`. Knows paragraphs, lists, quotations, code, emphasis and links to http(s) and mailto. */
function renderMarkdown(markdown, parent) {
  const lines = String(markdown).replace(/\r\n?/g, "\n").split("\n");
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    if (!line.trim()) {
      at += 1;
    } else if (/^\s*```/.test(line)) {
      const end = lines.findIndex((other, index) => index > at && /^\s*```\s*$/.test(other));
      const last = end < 0 ? lines.length : end;
      const code = element("code");
      code.textContent = lines.slice(at + 1, last).join("\n");
      parent.append(element("pre", {}, code));
      at = last + 1;
    } else if (/^\s*>/.test(line)) {
      const quoted = run(lines, at, (other) => /^\s*>/.test(other));
      const quote = element("blockquote");
      renderMarkdown(quoted.map((other) => other.replace(/^\s*>\s?/, "")).join("\n"), quote);
      parent.append(quote);
      at += quoted.length;
    } else if (/^\s*([-*+]|\d+[.)])\s+/.test(line)) {
      const items = run(lines, at, (other) => /^\s*([-*+]|\d+[.)])\s+/.test(other) || /^\s{2,}\S/.test(other));
      const list = element(/^\s*\d/.test(line) ? "ol" : "ul");
      for (const item of items) {
        if (/^\s*([-*+]|\d+[.)])\s+/.test(item)) list.append(element("li"));
        const own = list.lastElementChild;
        if (own.childNodes.length) own.append(" ");
        renderInline(item.replace(/^\s*([-*+]|\d+[.)])\s+/, "").trim(), own);
      }
      parent.append(list);
      at += items.length;
    } else {
      const heading = line.match(/^#{1,6}\s+(.*)$/);
      const block = heading ? [line] : run(lines, at, (other) => other.trim() && !/^\s*(```|>|[-*+]\s|\d+[.)]\s|#{1,6}\s)/.test(other));
      const paragraph = element("p");
      const target = heading ? element("strong") : paragraph;
      (heading ? [heading[1]] : block).forEach((part, index) => {
        if (index) target.append(element("br"));
        renderInline(part, target);
      });
      if (heading) paragraph.append(target);
      parent.append(paragraph);
      at += Math.max(block.length, 1);
    }
  }
}

function run(lines, from, belongs) {
  let to = from + 1;
  while (to < lines.length && belongs(lines[to])) to += 1;
  return lines.slice(from, to);
}

const INLINE = /(`+)([\s\S]*?[^`])\1(?!`)|\[([^\]\n]{1,400})\]\(([^()\s]{1,2000})\)|(\*\*|__)(?=\S)([\s\S]*?\S)\5|([*_])(?=\S)([\s\S]*?\S)\7(?!\w)|~~(?=\S)([\s\S]*?\S)~~|(https?:\/\/[^\s<>"')\]]{1,2000}[^\s<>"')\].,;:!?])|\\([!-/:-@[-`{-~])/;

function renderInline(text, parent, depth = 0) {
  let rest = text;
  while (rest) {
    const found = depth < 8 && rest.match(INLINE);
    if (!found) {
      parent.append(rest);
      return;
    }
    if (found.index) parent.append(rest.slice(0, found.index));
    const [whole, , code, label, address, , strong, , emphasis, struck, bare, escaped] = found;
    if (code !== undefined) parent.append(element("code", {}, code));
    else if (label !== undefined) parent.append(link(address, label, depth));
    else if (strong !== undefined) parent.append(nested("strong", strong, depth));
    else if (emphasis !== undefined) parent.append(nested("em", emphasis, depth));
    else if (struck !== undefined) parent.append(nested("s", struck, depth));
    else if (bare !== undefined) parent.append(link(bare, bare, 8));
    else parent.append(escaped);
    rest = rest.slice(found.index + whole.length);
  }
}

function nested(name, text, depth) {
  const node = element(name);
  renderInline(text, node, depth + 1);
  return node;
}

function link(address, label, depth) {
  const safe = safeAddress(address);
  const node = safe ? element("a", { href: safe, target: "_blank", rel: "noopener noreferrer nofollow" }) : element("span");
  renderInline(label, node, depth + 1);
  return node;
}

/** The address, if it may be followed: no `javascript:`, no `data:`, nothing relative to the page we are on. */
function safeAddress(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
