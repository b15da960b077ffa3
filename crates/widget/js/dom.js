// Making elements without a framework.

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

/** A picture of lines, hidden from screen readers: the button around it says what it does. */
function icon(path, size = 22) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 24 24", width: size, height: size, fill: "none", stroke: "currentColor", "stroke-width": "1.8",
    "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true", focusable: "false",
  })) svg.setAttribute(key, value);
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

const ICONS = {
  chat: "M12 4c5 0 8.5 3.2 8.5 7.3S17 18.6 12 18.6c-1 0-2-.1-2.9-.4L4.6 20l1.1-3.7C4.3 15 3.5 13.2 3.5 11.3 3.5 7.2 7 4 12 4Z",
  close: "M6 6l12 12M18 6 6 18",
  down: "M6 9.5l6 6 6-6",
  send: "M5 12h14M12.5 5.5 19 12l-6.5 6.5",
  attach: "M20 11.5l-8 8a5 5 0 0 1-7.1-7.1l8.3-8.3a3.4 3.4 0 0 1 4.8 4.8L9.8 17a1.7 1.7 0 0 1-2.4-2.4l7.4-7.3",
  good: "M7.5 11v8.5h-3V11zM7.5 11l4-7.5c1.4 0 2.3 1.1 2 2.6L12.8 10h5.1c1.1 0 1.9 1 1.6 2.1l-1.5 6c-.2.9-1 1.4-1.9 1.4H7.5",
  bad: "M7.5 12V3.5h-3V12zM7.5 12l4 7.5c1.4 0 2.3-1.1 2-2.6L12.8 13h5.1c1.1 0 1.9-1 1.6-2.1l-1.5-6c-.2-.9-1-1.4-1.9-1.4H7.5",
  file: "M13.5 3.5H7a1.5 1.5 0 0 0-1.5 1.5v14A1.5 1.5 0 0 0 7 20.5h10a1.5 1.5 0 0 0 1.5-1.5V8.5l-5-5Zm0 0v5h5",
};

/** An image, or what stands for it once it turns out not to be there. */
function image(address, alt, instead) {
  const node = element("img", { src: address, alt, onerror: () => node.replaceWith(instead) });
  return node;
}
