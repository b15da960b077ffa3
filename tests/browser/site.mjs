// Pages of somebody else's site, on an origin of its own, which embed the widget. They are as strict and as hostile as pages
// may be.

import { once } from "node:events";
import { createServer } from "node:http";

/** Rules that would spoil anything that is not shielded from them. */
const HOSTILE = `
html { font-size: 40px; letter-spacing: 4px; line-height: 3; text-transform: uppercase; }
body { transform: translateX(0); color: #0f0; margin: 0; }
* { all: unset; display: block; }
* { font: italic 30px cursive !important; color: red !important; background: yellow !important; visibility: hidden; opacity: .3; transform: rotate(3deg); }
div, section, button, textarea, input { display: none !important; width: 3px !important; z-index: 1 !important; border: 9px dashed blue !important; }
.panel, .launcher, .message, .head, .root, #title { display: none !important; }
#cover { all: unset !important; position: fixed !important; inset: 0 !important; z-index: 2147483647 !important; background: #fff !important; display: block !important; }
`;
const CALM = `
body { margin: 0; font: 17px/1.6 Georgia, serif; color: #333; background: #faf8f4; }
main { max-width: 46em; margin: 3em auto; padding: 0 1.5em; }
h1 { font-weight: 400; }
@media (prefers-color-scheme: dark) { body { background: #101216; color: #ccc; } }
`;

export class Site {
  async start() {
    this.server = createServer((request, response) => this.#serve(new URL(request.url, this.url), response));
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** The address of a page that embeds a bot's widget. `data`: further data- attributes of its script. */
  page(widgetOrigin, bot, { path = "/", data = {}, look = "calm", language } = {}) {
    const query = new URLSearchParams({ widget: widgetOrigin, bot, look, ...(language && { language }), data: JSON.stringify(data) });
    return `${this.url}${path}?${query}`;
  }

  #serve(address, response) {
    const asked = Object.fromEntries(address.searchParams);
    if (address.pathname.endsWith(".css")) {
      response.setHeader("content-type", "text/css");
      response.end(address.pathname === "/hostile.css" ? HOSTILE : CALM);
      return;
    }
    if (address.pathname === "/page.js") {
      response.setHeader("content-type", "text/javascript");
      response.end("window.keys = []; document.addEventListener('keydown', (event) => window.keys.push(event.key)); window.works = true;");
      return;
    }
    if (!asked.bot) {
      response.statusCode = 204;
      response.end();
      return;
    }
    const widget = asked.widget;
    // What the widget's README asks for, and nothing more.
    response.setHeader("content-security-policy", [
      "default-src 'none'", `script-src 'self' ${widget}`, `connect-src ${widget}`, `img-src 'self' ${widget}`, "style-src 'self'",
      "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'",
    ].join("; "));
    response.setHeader("content-type", "text/html; charset=utf-8");
    const data = Object.entries(JSON.parse(asked.data || "{}")).map(([name, value]) => ` data-${name}="${value}"`).join("");
    response.end(`<!doctype html>
<html lang="${asked.language || "en"}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Fern &amp; Kettle</title>
<link rel="stylesheet" href="/${asked.look}.css"></head>
<body>${asked.look === "hostile" ? '<div id="cover"></div>' : ""}<main><h1>Fern &amp; Kettle</h1>
<p>House plants and tea, since 1987. <a href="#more">Read more</a></p><p id="own">Our shop is in the old mill.</p></main>
<script src="/page.js"></script><script src="${widget}/widget.js" data-bot="${asked.bot}"${data} async></script></body>
</html>`);
  }
}
