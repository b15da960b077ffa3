// The dashboard in a browser: whoever works there, and what every page has to be.

import AxeBuilder from "@axe-core/playwright";
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { test } from "node:test";
import { chromium } from "playwright-core";

export const OWNER = { email: "ada@example.com", password: "correct horse battery staple 7" };

export class Desk {
  #stuck = false;

  constructor(product) {
    this.product = product;
  }

  async start() {
    this.browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: process.getuid() === 0 ? ["--no-sandbox"] : [] });
  }

  async stop() {
    await this.browser?.close();
  }

  /** A browser with whatever it did wrong: requests to elsewhere, errors on its console. */
  async open(options = {}) {
    const context = await this.browser.newContext({ reducedMotion: "reduce", viewport: { width: 1280, height: 860 }, locale: "en-GB", ...options });
    context.setDefaultTimeout(20_000);
    const problems = [];
    context.on("request", (request) => { if (!/^(data|about|blob):/.test(request.url()) && !request.url().startsWith(`${this.product.url}/`)) problems.push(`asked elsewhere: ${request.url()}`); });
    context.on("weberror", (error) => problems.push(`error: ${error.error().message}`));
    context.on("console", (message) => {
      if (message.type() !== "error") return;
      // That nobody is signed in yet is asked, and answered with 401; that there is no draft, with 404.
      if (message.text().includes("401") || (message.text().includes("404") && message.location().url.endsWith("/draft"))) return;
      problems.push(`console: ${message.text()} ${message.location().url}`);
    });
    return { context, problems, page: await context.newPage() };
  }

  /** The same, signed in as somebody. */
  async enter(options = {}, who = OWNER) {
    const opened = await this.open(options);
    const answer = await opened.context.request.post(`${this.product.url}/api/session`, { data: who, headers: { "x-requested-with": "tests" } });
    assert.ok(answer.ok(), await answer.text());
    this.someone = opened;
    return opened;
  }

  /** What is done next; pointless once somebody is stuck. */
  step(name, play) {
    test(name, async (t) => {
      if (this.#stuck) return t.skip("an earlier step failed");
      this.#stuck = true;
      try {
        await play(t);
        this.#stuck = false;
      } catch (error) {
        for (const problem of this.someone?.problems ?? []) t.diagnostic(problem);
        if (this.someone) await picture(this.someone.page, "stuck");
        throw error;
      }
    });
  }

  /** These pages are accessible in light and dark, and fit a desk and a phone. `paths` is called when it is known what there is. */
  everyPage(paths) {
    for (const colorScheme of ["light", "dark"]) {
      this.step(`every page is accessible and fits, ${colorScheme}`, async () => {
        const { page, context, problems } = await this.enter({ colorScheme });
        for (const [name, path] of Object.entries(paths())) {
          await page.setViewportSize({ width: 1280, height: 860 });
          await page.goto(this.product.url + path);
          await settled(page);
          await clean(page, `${path} in ${colorScheme}`);
          await fits(page, path);
          await picture(page, `${name}-${colorScheme}`);
          await page.setViewportSize({ width: 360, height: 740 });
          await fits(page, `${path} on a phone`);
          if (colorScheme === "light") await picture(page, `${name}-phone`);
        }
        assert.deepEqual(problems, []);
        await context.close();
      });
    }
  }
}

export async function picture(page, name) {
  if (!process.env.PICTURES) return;
  mkdirSync(process.env.PICTURES, { recursive: true });
  await page.screenshot({ path: `${process.env.PICTURES}/dashboard-${name}.png`, fullPage: true });
}

export async function settled(page) {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
}

export async function clean(page, what) {
  const found = await new AxeBuilder({ page }).analyze();
  const words = found.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 4).map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`);
  assert.deepEqual(words, [], what);
}

/** Nothing is wider than the page. */
export async function fits(page, what) {
  const wide = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const over = (node) => node.getBoundingClientRect().right > clientWidth + 1 && getComputedStyle(node).position !== "fixed";
    return scrollWidth > clientWidth ? [...document.querySelectorAll("main *, header *")].filter(over).map((node) => node.outerHTML.slice(0, 160)) : [];
  });
  assert.deepEqual(wide, [], `${what} is too wide`);
}
