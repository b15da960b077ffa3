// The inbox, as two members work in it: what happens shows to both while it happens, and to nobody else.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before } from "node:test";
import { clean, Desk, fits, picture, settled } from "./desk.mjs";
import { Model } from "./model.mjs";
import { Product, until } from "./product.mjs";

const GRACE = { email: "grace@example.com", password: "a horse of another colour 9" };
const SECRET = "s".repeat(40);

const model = new Model();
const product = new Product();
const desk = new Desk(product);
let bot;
let ada;
let grace;
let graceId;

/** A visitor whom the owner's site vouches for, writing over the chat API. */
class Visitor {
  constructor(name) {
    this.name = name;
  }

  async #call(method, path, body) {
    const answer = await fetch(`${product.url}/api/chat/${bot}/${path}`, {
      method, body: body && JSON.stringify(body),
      headers: { "content-type": "application/json", origin: product.url, ...(this.token && { authorization: `Bearer ${this.token}` }) },
    });
    assert.ok(answer.ok, await answer.clone().text());
    return answer.json();
  }

  async enter() {
    const coded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const said = `${coded({ alg: "HS256", typ: "JWT" })}.${coded({ sub: this.name, name: this.name, exp: Math.floor(Date.now() / 1000) + 3600 })}`;
    const identity = `${said}.${createHmac("sha256", SECRET).update(said).digest("base64url")}`;
    this.token = (await this.#call("POST", "sessions", { identity })).token;
    return this;
  }

  write(text) {
    return this.#call("POST", "messages", { text });
  }

  /** Everything that they can read of their conversation. */
  async read() {
    return (await this.#call("GET", "messages")).items.map(({ text }) => text);
  }
}

const inbox = (search = "") => `${product.url}/workspaces/${product.workspace}/inbox${search}`;
const list = (page) => page.getByRole("navigation", { name: "Conversations" });
const row = (page, name) => list(page).getByRole("link").filter({ hasText: name });
const view = (page, name) => page.getByRole("group", { name: "Parts of the inbox" }).getByRole("button", { name: new RegExp(`^${name}`) });
const talk = (page, name) => page.getByRole("region", { name });

/** In which nothing is asked for again by itself: what appears was told. */
async function withoutPolling(context) {
  await context.addInitScript(() => { window.setInterval = () => 0; });
}

before(async () => {
  await Promise.all([model.start(), desk.start()]);
  await product.start(undefined, model.url, []);
  product.origins = [product.url];
  bot = await product.bot();
  ada = await desk.enter();
  const { link } = await product.post(`/api/workspaces/${product.workspace}/invitations`, { email: GRACE.email, role: "agent" });
  const accepted = await fetch(`${product.url}/api/invitations/accept`, {
    method: "POST", headers: { "content-type": "application/json", "x-requested-with": "tests" },
    body: JSON.stringify({ token: link.split("=").at(-1), name: "Grace", password: GRACE.password }),
  });
  assert.ok(accepted.ok, await accepted.clone().text());
  graceId = (await accepted.json()).user.id;
  grace = await desk.enter({}, GRACE);
  await Promise.all([ada, grace].map(({ context }) => withoutPolling(context)));
});
after(async () => {
  await desk.stop();
  model.stop();
  await product.stop();
});

desk.step("labels and canned replies are made where the workspace is set up", async () => {
  const { page } = ada;
  await page.goto(`${product.url}/workspaces/${product.workspace}/settings/inbox`);
  await page.getByText("No labels yet").waitFor();
  await page.getByRole("button", { name: "New label" }).click();
  const label = page.getByRole("dialog", { name: "New label" });
  await label.getByLabel("Name").fill("Refund");
  await label.getByLabel("Colour").selectOption("red");
  await label.getByRole("button", { name: "Save" }).click();
  await page.getByRole("table", { name: "Labels" }).getByText("Refund").waitFor();
  for (const [name, text] of [["hours", "Hello {{contact.name}}, we open at nine. {{agent.name}}"], ["holiday", "We are closed today."]]) {
    await page.getByRole("button", { name: "New canned reply" }).click();
    const canned = page.getByRole("dialog", { name: "New canned reply" });
    await canned.getByLabel("Name").fill(name);
    await canned.getByLabel("Text").fill(text);
    await canned.getByRole("button", { name: "Save" }).click();
    await page.getByRole("table", { name: "Canned replies" }).getByText(`/${name}`).waitFor();
  }
  assert.deepEqual(ada.problems, []);
});

desk.step("what a person writes appears to both members at once", async () => {
  await Promise.all([ada, grace].map(async ({ page }) => {
    await page.goto(inbox());
    await page.getByText("No conversations yet").waitFor();
  }));
  const question = product.question();

  await (await new Visitor("Zoe").enter()).write(question.text);

  for (const { page } of [ada, grace]) {
    await row(page, "Zoe").filter({ hasText: question.token }).waitFor();
    await view(page, "Open").filter({ hasText: "1" }).waitFor();
  }
  await row(ada.page, "Zoe").click();
  await ada.page.getByRole("log").getByText(`9:00 to 17:00, see ${question.token}`).waitFor();
});

desk.step("what one member does, the other sees, and the person sees none of it", async () => {
  const zoe = await new Visitor("Zoe").enter();
  const before = await zoe.read();
  await row(grace.page, "Zoe").click();
  const theirs = talk(grace.page, "Zoe");
  await theirs.getByRole("button", { name: "Take over" }).click();
  await talk(ada.page, "Zoe").getByRole("button", { name: "Hand back to the bot" }).waitFor();
  await view(ada.page, "Needs a human").filter({ hasText: "1" }).waitFor();

  const about = ada.page.getByRole("region", { name: "About this conversation" });
  await about.getByLabel("Looked after by").selectOption(graceId);
  await about.getByLabel("Add a label").selectOption({ label: "Refund" });
  await row(grace.page, "Zoe").filter({ hasText: "with Grace" }).filter({ hasText: "Refund" }).waitFor();

  await talk(ada.page, "Zoe").getByText("Note", { exact: true }).click();
  await ada.page.getByLabel("A note to colleagues").fill("CANARY: she was promised a call.");
  await ada.page.getByRole("button", { name: "Add the note" }).click();
  await grace.page.getByRole("log").getByText("CANARY").waitFor();
  await grace.page.getByRole("log").getByText("Note of Ada").waitFor();
  await clean(grace.page, "a conversation with a note");
  await picture(grace.page, "inbox-note");

  assert.deepEqual(await zoe.read(), before);
});

desk.step("a conversation is opened and answered with a canned reply by keyboard alone", async () => {
  const { page } = grace;
  await page.goto(inbox());
  await row(page, "Zoe").waitFor();
  await page.keyboard.press("j");
  await page.getByLabel("Your reply").waitFor();
  await page.keyboard.press("r");
  await page.keyboard.type("/ho");
  const offered = page.getByRole("listbox", { name: "Canned replies" });
  assert.deepEqual(await offered.getByRole("option").allInnerTexts().then((all) => all.map((text) => text.split("\n")[0])), ["/hours", "/holiday"]);
  await clean(page, "canned replies are offered");
  await picture(page, "inbox-canned");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  assert.equal(await page.getByLabel("Your reply").inputValue(), "Hello Zoe, we open at nine. Grace");
  await page.keyboard.press("Control+Enter");
  const log = page.getByRole("log");
  await log.getByText("Hello Zoe, we open at nine. Grace").waitFor();
  await log.getByText(/^Grace · /).waitFor();
  await until("it has arrived", async () => (await (await new Visitor("Zoe").enter()).read()).includes("Hello Zoe, we open at nine. Grace"));
  await view(page, "Needs a human").filter({ hasText: "0" }).waitFor();

  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await help.getByText("Resolve, or open again").waitFor();
  await clean(page, "the shortcuts");
  await page.keyboard.press("Escape");
  await help.waitFor({ state: "hidden" });
  await page.keyboard.press("/");
  assert.ok(await page.getByLabel("Search messages and people").evaluate((node) => node === document.activeElement));
  assert.deepEqual(grace.problems, []);
});

desk.step("what is snoozed or resolved comes back when the person writes", async () => {
  const { page } = ada;
  const zoe = await new Visitor("Zoe").enter();
  await page.goto(inbox());
  await row(page, "Zoe").click();

  await talk(page, "Zoe").getByRole("button", { name: "Snooze" }).click();
  await page.getByRole("menuitem", { name: "For an hour" }).click();
  await view(page, "Snoozed").filter({ hasText: "1" }).waitFor();
  await row(page, "Zoe").waitFor({ state: "detached" });
  await talk(page, "Zoe").getByText(/Snoozed until/).waitFor();
  await zoe.write("Are you there?");
  await row(page, "Zoe").filter({ hasText: "Are you there?" }).waitFor();
  await talk(page, "Zoe").getByRole("button", { name: "Snooze" }).waitFor();

  await page.keyboard.press("e");
  await view(page, "Resolved").filter({ hasText: "1" }).waitFor();
  await row(page, "Zoe").waitFor({ state: "detached" });
  await zoe.write("One more thing.");
  await row(page, "Zoe").filter({ hasText: "One more thing." }).waitFor();
  await talk(page, "Zoe").getByRole("button", { name: "Resolve" }).waitFor();
});

desk.step("notes are no part of what the bot is told when it answers again", async () => {
  const { page } = ada;
  const question = product.question();
  await talk(page, "Zoe").getByRole("button", { name: "Hand back to the bot" }).click();
  await talk(page, "Zoe").getByRole("button", { name: "Take over" }).waitFor();

  await (await new Visitor("Zoe").enter()).write(question.text);

  await page.getByRole("log").getByText(`see ${question.token}`).waitFor();
  const heard = model.heard.find((sent) => sent.includes(question.token));
  assert.ok(heard.includes("One more thing."), "the model was not told what was said before");
  assert.ok(!model.heard.some((sent) => sent.includes("CANARY")), "the model was told of a note");
});

desk.step("conversations are found by words, labels and members, and the address says which", async () => {
  const { page } = ada;
  await (await new Visitor("Yves").enter()).write("Where is my umbrella?");
  await page.goto(inbox());
  await row(page, "Yves").waitFor();
  assert.equal(await list(page).getByRole("link").count(), 2);
  assert.match(await list(page).getByRole("link").first().innerText(), /Yves/, "whoever wrote last is first");

  await page.getByLabel("Search messages and people").fill("UMBRELLA");
  await row(page, "Zoe").waitFor({ state: "detached" });
  await row(page, "Yves").waitFor();
  await view(page, "All").filter({ hasText: "1" }).waitFor();
  await page.getByLabel("Search messages and people").fill("");
  await row(page, "Zoe").waitFor();
  await page.getByLabel("Label").selectOption({ label: "Refund" });
  await row(page, "Yves").waitFor({ state: "detached" });
  await page.getByRole("main").getByLabel("Looked after by").first().selectOption({ label: "Grace" });
  await page.waitForURL(/label_id=.*assignee=/);
  await page.reload();
  await row(page, "Zoe").waitFor();
  assert.equal(await list(page).getByRole("link").count(), 1);
  await page.getByRole("main").getByLabel("Looked after by").first().selectOption({ label: "Me" });
  await page.getByText("Nothing fits").waitFor();
  await page.goto(inbox("?until=2020-01-01"));
  await page.getByText("Nothing fits").waitFor();
});

desk.step("an answer is corrected where it is read, and becomes knowledge", async () => {
  const { page } = ada;
  await page.goto(inbox());
  await row(page, "Zoe").click();
  await page.getByRole("log").getByRole("button", { name: "Correct" }).last().click();
  const correct = page.getByRole("dialog", { name: "Correct this answer" });
  await correct.getByLabel("Question").fill("When do you open on Sundays?");
  await correct.getByLabel("The right answer").fill("On Sundays we open at ten.");
  await clean(page, "an answer is corrected");
  await picture(page, "inbox-correct");
  await correct.getByRole("button", { name: "Correct", exact: true }).click();
  await correct.getByText("It is being learned").waitFor();
  await correct.locator("footer, form, div").getByRole("button", { name: "Close" }).last().click();
  const sources = await until("it is learned", async () => {
    const { items } = await product.get(`/api/chatbots/${bot}/sources`);
    return items.find(({ title, state }) => title === "Answers to visitors' questions" && state === "ready");
  });
  assert.equal(sources.kind, "qa");
  const xenia = await new Visitor("Xenia").enter();
  await xenia.write("When do you open on Sundays?");
  await until("it is answered with that", async () => (await xenia.read()).some((text) => text.includes("On Sundays we open at ten.")));
});

desk.step("without the stream the inbox asks every few seconds", async () => {
  const { page, context } = await desk.enter();
  await context.route("**/events", (route) => route.fulfill({ status: 503 }));
  await page.goto(inbox());
  await row(page, "Yves").waitFor();
  // So that the bot's answer does not follow before the page asks again.
  const { items } = await product.get(`/api/workspaces/${product.workspace}/conversations?contact=Yves`);
  await product.post(`/api/conversations/${items[0].id}/take-over`, {});
  await (await new Visitor("Yves").enter()).write("I have found it.");
  await row(page, "Yves").filter({ hasText: "I have found it." }).waitFor();
  await context.close();
});

desk.step("whoever is removed from the workspace is told nothing more", async () => {
  const { page } = grace;
  await page.goto(inbox());
  await row(page, "Yves").waitFor();
  const ended = page.waitForEvent("requestfinished", (request) => request.url().endsWith("/events"));
  const response = await fetch(`${product.url}/api/session`, { method: "POST", body: JSON.stringify({ email: "ada@example.com", password: "correct horse battery staple 7" }), headers: { "content-type": "application/json", "x-requested-with": "tests" } });
  const cookie = response.headers.getSetCookie()[0].split(";")[0];
  const removed = await fetch(`${product.url}/api/workspaces/${product.workspace}/members/${graceId}`, { method: "DELETE", headers: { cookie, "x-requested-with": "tests" } });
  assert.equal(removed.status, 204);
  await ended;
  await ada.page.goto(inbox());
  await row(ada.page, "Zoe").waitFor();
  assert.equal(await row(ada.page, "Zoe").getByText("with Grace").count(), 0, "a removed member looks after something");
});

desk.step("the inbox speaks German and fits a phone", async () => {
  const { page, context, problems } = await desk.enter({ locale: "de-DE", viewport: { width: 360, height: 740 } });
  await page.goto(inbox());
  await page.getByRole("heading", { name: "Posteingang" }).waitFor();
  await page.getByRole("navigation", { name: "Gespräche" }).getByRole("link").first().click();
  await page.getByRole("button", { name: "Zurückstellen" }).waitFor();
  await settled(page);
  await fits(page, "a conversation in German on a phone");
  await clean(page, "a conversation in German on a phone");
  await picture(page, "inbox-german-phone");
  await page.getByRole("link", { name: "Alle Gespräche" }).click();
  await page.getByRole("navigation", { name: "Gespräche" }).getByRole("link").first().waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

let opened;
desk.step("a conversation is known", async () => {
  opened = (await product.get(`/api/workspaces/${product.workspace}/conversations?text=Zoe`)).items[0].id;
});
desk.everyPage(() => ({
  "inbox-list": `/workspaces/${product.workspace}/inbox`,
  "inbox-talk": `/workspaces/${product.workspace}/inbox/${opened}?state=all`,
  "inbox-settings": `/workspaces/${product.workspace}/settings/inbox`,
}));
