// Everything that a test needs, started once: the model, BotSmith, the wire to it, the site, and the browser.

import { test } from "node:test";
import { chromium } from "playwright-core";
import { Cable } from "./cable.mjs";
import { Model } from "./model.mjs";
import { Product } from "./product.mjs";
import { Site } from "./site.mjs";

const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
const PATIENCE = 30_000;

export const model = new Model();
export const site = new Site();
/** A site that no chatbot knows. */
export const foreign = new Site();
export const product = new Product();
export const cable = new Cable();
/** A bot whose owner has set nothing. */
export let plain;
let browser;
const gathered = new WeakMap();

export async function start() {
  await Promise.all([model.start(), site.start(), foreign.start(), cable.start(() => product.port)]);
  [browser] = await Promise.all([
    // As root, Chromium refuses to run with its sandbox.
    chromium.launch({ executablePath: CHROMIUM, args: process.getuid() === 0 ? ["--no-sandbox"] : [] }),
    product.start(cable.url, model.url, [site.url]),
  ]);
  plain = await product.bot();
}

export async function stop() {
  await browser?.close();
  cable.stop();
  [model, site, foreign].forEach((server) => server.server && server.stop());
  await product.stop();
}

/** A test with visitors. If it fails, it tells what their pages' consoles said. */
export function scene(name, play) {
  test(name, async (t) => {
    gathered.set(t, []);
    try {
      await play(t);
    } catch (error) {
      for (const problem of gathered.get(t).flat()) t.diagnostic(problem);
      throw error;
    }
  });
}

/** A visitor: a browser without a memory. What went wrong on its pages is gathered in `problems`. */
export async function visitor(t, options = {}) {
  const context = await browser.newContext({ reducedMotion: "reduce", viewport: { width: 1100, height: 760 }, locale: "en-GB", ...options });
  context.setDefaultTimeout(PATIENCE);
  const problems = [];
  gathered.get(t).push(problems);
  t.after(() => context.close());
  context.on("weberror", (error) => problems.push(`error: ${error.error().message}`));
  context.on("console", (message) => { if (["error", "warning"].includes(message.type())) problems.push(`${message.type()}: ${message.text()}`); });
  return { context, problems };
}

/** A page of the site with a bot's widget, and the parts of the widget. `as`: a visitor who is here already. */
export async function visit(t, { bot = plain, at = site, as, ...how } = {}) {
  const { browser: options, ...page } = how;
  const { context, problems } = as || (await visitor(t, options));
  const tab = await context.newPage();
  await tab.goto(at.page(cable.url, bot, page));
  return new Widget(tab, { context, problems });
}

export class Widget {
  constructor(page, visitor) {
    this.page = page;
    this.visitor = visitor;
    const root = page.locator("#botsmith-widget");
    this.root = root;
    this.launcher = root.locator(".launcher");
    this.panel = root.getByRole("dialog");
    this.log = root.getByRole("log");
    this.text = root.locator("textarea");
    this.send = root.locator(".send");
    this.state = root.locator(".state");
    this.typing = root.locator(".typing");
    this.draft = root.locator(".draft");
    this.choices = root.locator(".choices button");
    this.form = root.locator(".form");
    this.file = root.locator("input[type=file]");
    this.messages = root.locator(".row:not(.draft) .message");
  }

  /** Opens it, unless it is open as on the page before. */
  async open() {
    await this.launcher.or(this.panel).first().waitFor();
    if (!(await this.panel.isVisible())) await this.launcher.click();
    await this.panel.waitFor();
    return this;
  }

  async write(text) {
    await this.text.fill(text);
    await this.text.press("Enter");
  }

  /** The message of ours or theirs with this text. */
  said(who, text) {
    return this.root.locator(`.row.${who}:not(.draft) .message`).filter({ hasText: text });
  }

  /** Asks something, and waits for its answer. From then on the conversation is followed: the draft of the next answer is
   *  not missed because it was written before anybody listened. */
  async ask(question = product.question()) {
    await this.write(question.text);
    await this.said("bot", question.token).waitFor();
    return question;
  }

  /** What there is to read, in its order. */
  texts() {
    return this.root.locator(".row:not(.draft) .message").allInnerTexts();
  }
}
