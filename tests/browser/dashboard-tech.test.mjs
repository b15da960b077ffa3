// What administrators do with the technology: providers of models, narrowed keys, the notice, what is allowed, the master key.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before } from "node:test";
import { clean, Desk, fits, picture, settled } from "./desk.mjs";
import { Product, QUESTION, until } from "./product.mjs";

/** Plays a provider that speaks as OpenAI does: takes some keys, says one sentence, or is broken. */
class Provider {
  keys = new Set();
  shown = [];
  isBroken = false;

  constructor(sentence) {
    this.sentence = sentence;
  }

  async start() {
    this.server = createServer((request, response) => void this.#answer(request, response));
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.url = `http://127.0.0.1:${this.server.address().port}/v1`;
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }

  async #answer(request, response) {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const { stream } = JSON.parse(Buffer.concat(pieces).toString());
    const key = request.headers.authorization?.replace("Bearer ", "");
    this.shown.push(key);
    if (this.isBroken) return response.writeHead(500).end("{}");
    if (!this.keys.has(key)) return response.writeHead(401).end(JSON.stringify({ error: { message: "Incorrect API key" } }));
    const head = { id: "chatcmpl-1", created: 1_763_800_000, model: "muse" };
    const usage = { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 };
    if (!stream) {
      response.setHeader("content-type", "application/json");
      return response.end(JSON.stringify({ ...head, choices: [{ index: 0, message: { role: "assistant", content: this.sentence }, finish_reason: "stop" }], usage }));
    }
    response.setHeader("content-type", "text/event-stream");
    const say = (event) => response.write(`data: ${JSON.stringify({ ...head, ...event })}\n\n`);
    say({ choices: [{ index: 0, delta: { content: this.sentence } }] });
    say({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    say({ choices: [], usage });
    return response.end("data: [DONE]\n\n");
  }
}

const product = new Product();
const desk = new Desk(product);
const first = new Provider("The first says: from nine to five [1].");
const second = new Provider("The second says: from nine to five [1].");
let owner;
let bot;
const admin = (tab) => `${product.url}/admin/${tab}`;

/** What a visitor hears now. */
async function heard() {
  const call = async (path, body, token) => {
    const answer = await fetch(`${product.url}/api/chat/${bot}/${path}`, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) } });
    assert.ok(answer.ok, await answer.clone().text());
    return answer.json();
  };
  const { token } = await call("sessions", {});
  const answer = await call("messages", { text: QUESTION }, token);
  return JSON.stringify(answer.reply);
}

/** Until a change counts, which takes seconds and no restart. */
const hears = (words) => until(`a visitor hears "${words}"`, async () => (await heard()).includes(words));

async function cleanDialog(page, what) {
  await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState !== "running"));
  await clean(page, what);
}

async function setUp(page, name, url, key) {
  await page.getByRole("button", { name: "Set up a provider" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Provider").selectOption("openai_compatible");
  await dialog.getByLabel("Address").fill(url);
  await dialog.getByLabel("Models").fill("muse");
  await dialog.getByLabel("API key").fill(key);
  await cleanDialog(page, "setting up a provider");
  await picture(page, "tech-provider");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("article", { name }).waitFor();
}

before(async () => {
  await Promise.all([first.start(), second.start(), desk.start()]);
  first.keys.add("key-of-the-first");
  second.keys.add("key-of-the-second");
  await product.start(undefined, undefined, [], { BOTSMITH__MODELS__ALLOWED_PRIVATE_CIDRS: "127.0.0.0/8" });
  product.origins = [product.url];
  bot = await product.bot();
  owner = await desk.enter();
});
after(async () => {
  await desk.stop();
  first.stop();
  second.stop();
  await product.stop();
});

desk.step("a provider is set up, tried with each key, and answers once its model has a place", async () => {
  const { page } = owner;
  assert.match(await heard(), /Monday to Friday/);
  await page.goto(admin("models"));
  await page.getByText("such chatbots quote the passage").waitFor();
  await setUp(page, "First account", first.url, "key-that-is-wrong");
  const article = page.getByRole("article", { name: "First account" });
  await article.getByRole("button", { name: /^Add a key/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("good one");
  await dialog.getByLabel("API key").fill("key-of-the-first");
  await dialog.getByRole("button", { name: "Add a key" }).click();
  await article.getByText("good one").waitFor();

  await article.getByRole("button", { name: /^Try/ }).click();
  await dialog.getByRole("button", { name: "Try" }).click();
  await dialog.getByText("First key: does not work").waitFor();
  await dialog.getByText("does not accept the key").waitFor();
  await dialog.getByText("good one: works").waitFor();
  await cleanDialog(page, "a provider that was tried");
  await picture(page, "tech-tried");
  await dialog.getByRole("button", { name: "Close" }).last().click();

  await setUp(page, "Second account", second.url, "key-of-the-second");
  const order = page.getByRole("region", { name: "Order of the models" });
  for (const account of ["First account", "Second account"]) {
    await order.getByLabel("Another model").selectOption({ label: `muse (${account})` });
    await order.getByRole("button", { name: "Add to the order" }).click();
  }
  await order.getByRole("button", { name: "Save" }).click();
  await order.getByText("It counts everywhere within seconds").last().waitFor();
  await hears("The first says");
  assert.ok(!readFileSync(join(product.folder, "log"), "utf8").includes("key-of-the-first"));
  assert.deepEqual(owner.problems, []);
});

desk.step("a key that is refused rests while the other serves, and a second provider takes over from one that is broken", async () => {
  const { page } = owner;
  first.shown.length = 0;
  for (let times = 0; times < 4; times += 1) assert.match(await heard(), /The first says/);
  const wrong = first.shown.filter((key) => key === "key-that-is-wrong").length;
  assert.ok(wrong <= 1, `the refused key was shown ${wrong} times`);

  first.isBroken = true;
  assert.match(await heard(), /The second says/);
  first.isBroken = false;
  await page.goto(admin("models"));
  const article = page.getByRole("article", { name: "First account" });
  const row = article.getByRole("row").filter({ hasText: "muse" });
  await row.waitFor();
  assert.match(await row.innerText(), /\d+ · [1-9][\d.]*%/);
  await page.getByRole("article", { name: "Second account" }).getByText("0 · 0%").waitFor();

  await article.getByRole("button", { name: /^Turn off/ }).click();
  await page.getByText("Passed over: turned off").waitFor();
  await hears("The second says");
  await article.getByRole("button", { name: /^Turn on/ }).click();
  await article.getByText("Active").waitFor();
  const order = page.getByRole("region", { name: "Order of the models" });
  await order.getByRole("button", { name: "As the configuration file has it" }).click();
  await order.getByText("No order is set here").waitFor();
  await hears("Monday to Friday");
  assert.deepEqual(owner.problems, []);
});

desk.step("a key that only reads cannot write, and one with areas stays in them", async () => {
  const { page } = owner;
  await page.goto(`${product.url}/workspaces/${product.workspace}/settings/keys`);
  const make = async (name, narrow) => {
    await page.getByRole("button", { name: "Make a key" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill(name);
    await dialog.getByLabel("May do").selectOption("owner");
    await narrow(dialog);
    await cleanDialog(page, "making a key");
    await picture(page, `tech-key-${name}`);
    await dialog.getByRole("button", { name: "Make a key" }).click();
    const key = await dialog.locator("code").filter({ hasText: "bsk_" }).innerText();
    await dialog.getByRole("button", { name: "Close" }).last().click();
    return async (method, path, body) => (await fetch(product.url + path, { method, body: body && JSON.stringify(body), headers: { authorization: `Bearer ${key}`, "content-type": "application/json" } })).status;
  };
  const reader = await make("reader", (dialog) => dialog.getByLabel("Only reads").check());
  const librarian = await make("librarian", async (dialog) => {
    await dialog.getByLabel("Only in some areas").check();
    await dialog.getByLabel("Knowledge").check();
  });
  const source = { title: "More", text: "We are closed on Sundays." };

  assert.equal(await reader("GET", `/api/chatbots/${bot}`), 200);
  assert.equal(await reader("POST", `/api/chatbots/${bot}/sources`, source), 403);
  assert.equal(await reader("PATCH", `/api/chatbots/${bot}`, { name: "Other" }), 403);
  assert.equal(await librarian("POST", `/api/chatbots/${bot}/sources`, source), 201);
  assert.equal(await librarian("GET", `/api/chatbots/${bot}`), 403);
  await product.post(`/api/integrations/${bot}`, { platform: "rest", credentials: { identity_secret: "r".repeat(40) } });
  for (const narrowed of [reader, librarian]) assert.equal(await narrowed("POST", `/api/chat/${bot}/messages`, { text: QUESTION, user: "ada" }), 403);
  const table = page.getByRole("table", { name: "API keys" });
  await table.getByRole("row").filter({ hasText: "reader" }).getByText("Only reads").waitFor();
  await table.getByRole("row").filter({ hasText: "librarian" }).getByText("Knowledge").waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("a notice is read above every page, in the reader's language, until it is taken away", async () => {
  const { page } = owner;
  await page.goto(admin("installation"));
  await page.getByLabel("Text in English").fill("We are away from noon.");
  await page.getByLabel("Text in German").fill("Ab Mittag sind wir weg.");
  const form = page.getByRole("region", { name: "Notice to everybody" });
  await form.getByRole("button", { name: "Save" }).click();
  await form.getByText("Saved.").waitFor();
  for (const path of ["/account", `/chatbots/${bot}/overview`, `/workspaces/${product.workspace}/chatbots`]) {
    await page.goto(product.url + path);
    await page.getByRole("note", { name: "Notice" }).getByText("We are away from noon.").waitFor();
  }
  await picture(page, "tech-notice");
  const german = await desk.enter({ locale: "de-DE" });
  await german.page.goto(product.url);
  await german.page.getByRole("note", { name: "Hinweis" }).getByText("Ab Mittag sind wir weg.").waitFor();
  for (const tab of ["models", "installation"]) {
    await german.page.goto(admin(tab));
    await settled(german.page);
    await clean(german.page, `${tab} in German`);
    await german.page.setViewportSize({ width: 360, height: 740 });
    await fits(german.page, `${tab} in German on a phone`);
    await picture(german.page, `tech-${tab}-german`);
    await german.page.setViewportSize({ width: 1280, height: 860 });
  }
  await german.context.close();
  desk.someone = owner;

  await page.goto(admin("installation"));
  await form.getByRole("button", { name: "Take it away" }).click();
  await page.getByRole("note", { name: "Notice" }).waitFor({ state: "detached" });
  assert.deepEqual(owner.problems, []);
});

desk.step("a workspace takes no more chatbots than an administrator allows", async () => {
  const { page } = owner;
  await page.goto(admin("installation"));
  const form = page.getByRole("region", { name: "What is allowed" });
  await form.getByLabel("Chatbots per workspace").fill("1");
  await form.getByRole("button", { name: "Save" }).click();
  await form.getByText("It counts from now on.").waitFor();
  const path = `/api/workspaces/${product.workspace}/chatbots`;
  await assert.rejects(product.post(path, { name: "Second" }), /409/);
  await form.getByLabel("Chatbots per workspace").fill("");
  await form.getByRole("button", { name: "Save" }).click();
  await until("there is room again", () => product.post(path, { name: "Second" }).then(() => true, () => false));
  assert.deepEqual(owner.problems, []);
});

desk.step("a new master key wraps everything, and what was sealed still opens", async () => {
  const { page } = owner;
  const old = readFileSync(join(product.folder, "data", "master.key"), "utf8").trim();
  await product.kill();
  product.environment = { ...product.environment, BOTSMITH__VAULT__MASTER_KEY: randomBytes(32).toString("base64"), BOTSMITH__VAULT__PREVIOUS_MASTER_KEYS: old };
  await product.run();
  await page.goto(admin("installation"));
  const section = page.getByRole("region", { name: "Master key" });
  await section.getByText("are still wrapped by an older one").waitFor();
  await picture(page, "tech-master-before");
  await section.getByRole("button", { name: "Wrap all with the current key" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Wrap all with the current key" }).click();
  await section.getByText(/All \d+ data keys are wrapped by it/).waitFor();

  await product.kill();
  delete product.environment.BOTSMITH__VAULT__PREVIOUS_MASTER_KEYS;
  await product.run();
  await page.goto(admin("models"));
  await page.getByRole("article", { name: "Second account" }).getByRole("button", { name: /^Try/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Try" }).click();
  await dialog.getByText("First key: works").waitFor();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await page.goto(admin("system"));
  await page.getByText("pg_stat_statements").first().waitFor();
});

desk.everyPage(() => ({ "tech-models": "/admin/models", "tech-installation": "/admin/installation", "tech-system": "/admin/system", "tech-keys": `/workspaces/${product.workspace}/settings/keys` }));
