// The administration of the whole installation: what it shows of a load that is known, and what is done with it.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before } from "node:test";
import { clean, Desk, fits, picture, settled } from "./desk.mjs";
import { Product, QUESTION, until } from "./product.mjs";

const GUEST = { email: "grace@example.com", password: "an altogether other passphrase 9" };
const AUTH_TOKEN = "0123456789abcdef0123456789abcdef";
const ACCOUNT = "AC0123456789abcdef0123456789abcdef";
const ASKING = {
  name: "Fern & Kettle", welcome: "Hi!", colour: "#0b6b4f", suggestions: [], consent: "I agree.",
  pre_chat: [{ name: "name", type: "text", label: null, required: false }, { name: "email", type: "email", label: null, required: true }],
};
const TABS = ["overview", "users", "workspaces", "chatbots", "conversations", "system", "activity", "leads", "models", "revenue", "prices", "installation", "mail"];

const product = new Product();
const desk = new Desk(product);
/** Plays Twilio: refuses every message for good, until it is mended. */
const twilio = { mended: false, taken: 0 };
const platform = createServer((request, response) => {
  request.resume();
  response.setHeader("content-type", "application/json");
  if (request.method === "GET") return response.end("{}");
  if (!twilio.mended) return response.writeHead(400).end(JSON.stringify({ code: 21211, message: "Invalid 'To' Phone Number", status: 400 }));
  twilio.taken += 1;
  return response.writeHead(201).end(JSON.stringify({ sid: `SM${String(twilio.taken).padStart(32, "0")}`, status: "queued", num_segments: "1" }));
});
let owner;
let guest;
let asking;
let plain;
const admin = (tab) => `${product.url}/admin/${tab}`;

/** What a dialog shows once it has faded in: half faded in, everything has too little contrast. */
async function cleanDialog(page, what) {
  await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState !== "running"));
  await clean(page, what);
}

/** Asks over the web chat, and waits for the answer unless nobody gives one now. */
async function ask(bot, { lead, wait } = {}) {
  const call = async (path, body, token) => {
    const answer = await fetch(`${product.url}/api/chat/${bot}/${path}`, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) } });
    assert.ok(answer.ok, await answer.clone().text());
    return answer.json();
  };
  const { token } = await call("sessions", { ...(lead && { lead }) });
  return call("messages", { text: QUESTION, ...(wait && { wait }) }, token);
}

async function sms(bot, id) {
  const url = `${product.url}/api/twilio/webhook/${bot}`;
  const fields = { AccountSid: ACCOUNT, Body: QUESTION, From: "+14155550123", MessageSid: id, NumMedia: "0", NumSegments: "1", To: "+14155550100" };
  const signed = url + Object.keys(fields).sort().map((name) => name + fields[name]).join("");
  const signature = createHmac("sha1", AUTH_TOKEN).update(signed).digest("base64");
  return fetch(url, { method: "POST", body: new URLSearchParams(fields), headers: { "x-twilio-signature": signature } });
}

before(async () => {
  platform.listen(0, "127.0.0.1");
  await Promise.all([once(platform, "listening"), desk.start()]);
  await product.start(undefined, undefined, [], { BOTSMITH__PLATFORMS__TWILIO_API_URL: `http://127.0.0.1:${platform.address().port}` });
  product.origins = [product.url];
  [asking, plain] = [await product.bot(ASKING), await product.bot()];
  // The known load: three conversations of a question and an answer each, one of them of somebody who said who she is.
  await ask(asking, { lead: { name: "Ada Lovelace", email: "ada@lovelace.example", consent: true } });
  await ask(plain);
  await ask(plain);
  owner = await desk.enter();
});
after(async () => {
  await desk.stop();
  platform.close();
  platform.closeAllConnections();
  await product.stop();
});

desk.step("the overview shows what happened, and every figure leads to where it can be acted upon", async () => {
  const { page } = owner;
  await page.goto(product.url);
  await page.getByRole("link", { name: "Administration" }).click();
  const totals = page.getByRole("region", { name: "Totals" });
  const figure = (label) => totals.getByRole("link").filter({ hasText: label });
  await figure("Conversations").waitFor();
  const shown = async (label) => (await figure(label).innerText()).split("\n")[0];
  assert.deepEqual(
    await Promise.all(["Users", "Workspaces", "Active chatbots", "Paused chatbots", "Conversations", "Messages today", "Messages, 7 days", "Messages, 30 days", "Models this month"].map(shown)),
    ["1", "2", "2", "0", "3", "6", "6", "6", "$0.00"],
  );
  await totals.getByText("answered in 30 days: 2").waitFor();
  assert.equal(await totals.getByText("3 in, 3 out").count(), 3);
  await page.getByText("Nothing is wrong.").waitFor();
  const integrations = page.getByRole("table", { name: "Integrations" });
  assert.match(await integrations.getByRole("row").filter({ hasText: "Web chat" }).innerText(), /2$/);
  await page.getByRole("figure", { name: "Messages of the last 30 days" }).locator("svg path.recharts-rectangle").first().waitFor();

  const links = page.getByRole("main").locator("section a");
  const wanted = await links.evaluateAll((all) => [...new Set(all.map((link) => link.getAttribute("href")))]);
  assert.ok(wanted.length >= 8, `${wanted}`);
  for (const href of wanted) assert.ok(TABS.includes(new URL(href, product.url).pathname.split("/")[2]), href);
  await figure("Active chatbots").click();
  await page.getByRole("tab", { name: "Chatbots", selected: true }).waitFor();
  assert.equal(await page.getByLabel("State").inputValue(), "active");
  assert.deepEqual(owner.problems, []);
});

desk.step("somebody is brought in by a link that is shown once, and sees nothing of the administration", async () => {
  const { page } = owner;
  await page.goto(admin("users"));
  await page.getByRole("button", { name: "Bring somebody in" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("E-mail address").fill(GUEST.email);
  await dialog.getByLabel("Name", { exact: true }).fill("Grace");
  await dialog.getByLabel("Workspace").selectOption({ label: "Browser" });
  await dialog.getByLabel("Role").selectOption("viewer");
  await cleanDialog(page, "bringing somebody in");
  await picture(page, "admin-bring-in");
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const link = await dialog.locator("code").innerText();
  await cleanDialog(page, "the link");
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await page.getByRole("row").filter({ hasText: "Grace" }).getByText("Invited").waitFor();

  guest = await desk.open();
  await guest.page.goto(link);
  await guest.page.getByLabel("Password").fill(GUEST.password);
  await guest.page.getByRole("button", { name: "Continue" }).click();
  await guest.page.getByRole("link", { name: "Open the dashboard" }).click();
  await guest.page.getByLabel("E-mail address").or(guest.page.getByRole("heading", { name: "Chatbots", level: 1 })).first().waitFor();
  await guest.context.close();

  guest = await desk.enter({}, GUEST);
  desk.someone = owner;
  await guest.page.goto(product.url);
  await guest.page.getByRole("heading", { name: "Chatbots", level: 1 }).waitFor();
  assert.equal(await guest.page.getByRole("link", { name: "Administration" }).count(), 0);
  const asked = [];
  guest.page.on("request", (request) => { if (request.url().includes("/api/administration")) asked.push(request.url()); });
  for (const tab of TABS) {
    await guest.page.goto(admin(tab));
    await guest.page.getByText("Only administrators see this").waitFor();
    assert.equal(await guest.page.getByRole("tab").count(), 0);
  }
  await clean(guest.page, "refused");
  assert.deepEqual(asked, []);
  assert.deepEqual([...owner.problems, ...guest.problems], []);
});

desk.step("an account is found, signed out everywhere, disabled by its address, and enabled again", async () => {
  const { page } = owner;
  await page.goto(admin("users"));
  await page.getByLabel("Address or name").fill("grace");
  const table = page.getByRole("table", { name: "Users" });
  await until("only she is there", async () => (await table.getByRole("row").count()) === 2);
  assert.match(page.url(), /q=grace/);
  assert.match(await table.getByRole("row").last().innerText(), /Active[\s\S]*127\.0\.0\.1[\s\S]*Browser · Viewer/);
  await table.getByRole("link", { name: "Manage: grace@example.com" }).click();
  await page.getByRole("heading", { name: "Grace" }).waitFor();
  await picture(page, "admin-account");
  const dialog = page.getByRole("dialog");

  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await dialog.getByRole("button", { name: "Sign out everywhere" }).click();
  await page.getByText(/Sessions that were ended: [1-9]/).waitFor();
  await guest.page.goto(product.url);
  await guest.page.getByRole("heading", { name: "Sign in" }).waitFor();

  await page.getByRole("button", { name: "Force a new password" }).click();
  await cleanDialog(page, "asked first");
  await dialog.getByRole("button", { name: "Force a new password" }).click();
  await page.getByText("must change password").waitFor();
  const changing = await desk.enter({}, GUEST);
  desk.someone = owner;
  await changing.page.goto(product.url);
  await changing.page.getByRole("alert").getByText("An administrator asks you to choose another password.").waitFor();
  await changing.page.getByLabel("Present password").first().fill(GUEST.password);
  await changing.page.getByRole("textbox", { name: "New password" }).fill("yet another long passphrase 5");
  await changing.page.getByRole("button", { name: "Change" }).click();
  await changing.page.getByRole("alert").waitFor({ state: "detached" });
  await changing.page.getByRole("link", { name: "All chatbots" }).click();
  await changing.page.getByRole("heading", { name: "Chatbots", level: 1 }).waitFor();
  await changing.context.close();

  await page.getByRole("button", { name: "Make a password link" }).click();
  await page.locator("code").filter({ hasText: "/link#" }).waitFor();

  await page.getByRole("button", { name: "Disable the account" }).click();
  const really = dialog.getByRole("button", { name: "Disable the account" });
  assert.ok(await really.isDisabled());
  await dialog.getByLabel(/^Type/).fill(GUEST.email);
  await really.click();
  await page.getByText("Disabled", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Enable the account" }).click();
  await page.getByText("Active", { exact: true }).waitFor();

  await page.getByRole("link", { name: "All users" }).click();
  assert.equal(await page.getByLabel("Address or name").inputValue(), "grace");
  await page.goto(admin("users?q=ada"));
  await page.getByRole("link", { name: "Manage: ada@example.com" }).click();
  await page.getByText("This is your own account").waitFor();
  assert.equal(await page.getByRole("button", { name: "Disable the account" }).count(), 0);
  assert.deepEqual(owner.problems, []);
});

desk.step("workspaces say how much is in them, and lead there", async () => {
  const { page } = owner;
  await page.goto(admin("workspaces"));
  await page.getByRole("link", { name: "Members: 2, Browser" }).waitFor();
  await page.getByRole("link", { name: "Chatbots: 2, Browser" }).click();
  await page.getByRole("table", { name: "Chatbots" }).getByText("Bot 1").waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("a chatbot is paused for a reason, what people write waits, and is answered when it goes on", async () => {
  const { page } = owner;
  await page.goto(admin("chatbots"));
  const row = page.getByRole("row").filter({ hasText: "Bot 2" });
  await row.getByText("Web chat").waitFor();
  assert.match(await row.innerText(), /Browser[\s\S]*of ada@example\.com[\s\S]*Active[\s\S]*quotes its knowledge[\s\S]*Web chat[\s\S]*documents: 1[\s\S]*conversations: 2[\s\S]*\$0\.00[\s\S]*answers: 2/);
  await row.getByRole("button", { name: "Pause: Bot 2" }).click();
  await page.getByRole("dialog").getByLabel("Why").fill("it sends advertising");
  await cleanDialog(page, "pausing");
  await picture(page, "admin-pause");
  await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
  await row.getByText("it sends advertising, since").waitFor();
  await ask(plain, { wait: "none" });
  await page.getByLabel("State").selectOption("paused");
  await until("only the paused one", async () => (await page.getByRole("table", { name: "Chatbots" }).getByRole("row").count()) === 2);
  await picture(page, "admin-paused");
  await row.getByRole("button", { name: "Resume: Bot 2" }).click();
  await page.getByText("Bot 2 goes on. Conversations in which something waited: 1").waitFor();
  await page.getByText("No chatbot fits").waitFor();
  await until("it is answered", async () => (await product.get("/api/administration/overview")).messages.today.outbound === 4);
  assert.deepEqual(owner.problems, []);
});

desk.step("a conversation of any workspace is found and read, and that is written down once", async () => {
  const { page } = owner;
  await page.goto(admin("conversations"));
  await page.getByText("When you open a conversation, that is written into its workspace's activity log").waitFor();
  const list = page.getByRole("navigation", { name: "Conversations" });
  await until("all four", async () => (await list.getByRole("link").count()) === 4);
  await page.getByLabel("Person").fill("lovelace");
  await until("hers", async () => (await list.getByRole("link").count()) === 1);
  await list.getByRole("link").click();
  const log = page.getByRole("log");
  await log.getByText(QUESTION).first().waitFor();
  await log.getByText("Monday to Friday").waitFor();
  await page.getByLabel("Person").fill("");
  await until("all four again", async () => (await list.getByRole("link").count()) === 4);
  await log.getByText("Monday to Friday").waitFor();
  await clean(page, "reading");
  await picture(page, "admin-reading");
  await page.setViewportSize({ width: 360, height: 740 });
  await fits(page, "reading on a phone");
  await page.setViewportSize({ width: 1280, height: 860 });
  await page.getByRole("link", { name: /is in the activity log of Browser/ }).click();
  await page.getByRole("table", { name: "Activity" }).getByText("Conversation read by an administrator").waitFor();
  const { items } = await product.get("/api/administration/activity?action=conversation.read");
  assert.equal(items.length, 1);
  assert.deepEqual(owner.problems, []);
});

desk.step("what could not be delivered lies with the dead letters, and arrives when it is replayed", async () => {
  const { page } = owner;
  const credentials = { account_sid: ACCOUNT, auth_token: AUTH_TOKEN, phone_number: "+14155550100" };
  await product.post(`/api/integrations/${plain}`, { platform: "twilio", enabled: true, credentials });
  assert.equal((await sms(plain, "SM00000000000000000000000000000001")).status, 200);
  await page.goto(admin("system"));
  const letters = page.getByRole("table", { name: "Dead letters" });
  // The page looks again by itself.
  await letters.getByText("A reply that was not delivered").waitFor();
  await clean(page, "with a dead letter");
  await picture(page, "admin-dead-letter");
  await page.goto(admin("overview"));
  await page.getByRole("region", { name: "What is wrong" }).getByRole("link").filter({ hasText: "Dead letters" }).filter({ hasText: "1" }).click();
  twilio.mended = true;
  await letters.getByRole("button", { name: /^Replay:/ }).click();
  await cleanDialog(page, "replaying");
  await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
  await page.getByText("Parts that will be sent: 1. Messages that will be answered: 0.").waitFor();
  await page.getByText("Nothing lies here").waitFor();
  await until("it arrives", () => twilio.taken === 1);

  twilio.mended = false;
  assert.equal((await sms(plain, "SM00000000000000000000000000000002")).status, 200);
  await letters.getByRole("button", { name: /^Only these/ }).click();
  twilio.mended = true;
  await page.getByRole("button", { name: "Replay several" }).click();
  await page.getByRole("dialog").getByText("It cannot be taken back.").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
  await until("it arrives too", () => twilio.taken === 2);
  assert.deepEqual(owner.problems, []);
});

desk.step("the machinery is shown: queues, speed, database and schema", async () => {
  const { page } = owner;
  await page.goto(admin("system"));
  await settled(page);
  const { database, migrations, queues } = await product.get("/api/administration/system");
  assert.equal(await page.getByRole("table", { name: "Queues" }).getByRole("row").count(), queues.queues.length + 1);
  await page.getByText(`PostgreSQL ${database.version}`).waitFor();
  await page.getByText(`All ${migrations.length} were made.`).waitFor();
  await page.getByRole("button", { name: "Show all" }).click();
  assert.equal(await page.getByRole("table", { name: "Changes of the schema" }).getByRole("row").count(), migrations.length + 1);
  const speed = page.getByRole("table", { name: "How fast, and how well" });
  assert.match(await speed.getByRole("row").filter({ hasText: "Until the answer, Web chat" }).innerText(), /([\d.,]+ (ms|sec)\s+){3}4/);
  assert.match(await speed.getByRole("row").filter({ hasText: "Sending, Twilio" }).innerText(), /2 · 50%/);
  await page.getByText("Last day").click();
  await page.waitForRequest((request) => request.url().endsWith("/latency?window=day"));
  // It looks again by itself.
  await page.waitForRequest((request) => request.url().endsWith("/api/administration/system"));
  assert.deepEqual(owner.problems, []);
});

desk.step("what was done is found by who, what and when, comes page after page, and as a table", async () => {
  const { page } = owner;
  for (let number = 1; number <= 60; number += 1) await product.patch(`/api/workspaces/${product.workspace}`, { name: `Browser ${number}` });
  await page.goto(admin("activity"));
  const table = page.getByRole("table", { name: "Activity" });
  await table.getByText("Workspace renamed").first().waitFor();
  const rows = () => table.getByRole("row").count();
  const first = await rows();
  await page.getByRole("button", { name: "Show more" }).click();
  await until("the second page", async () => (await rows()) > first);
  await page.getByLabel("What, as").fill("chatbot.pause");
  await until("one entry", async () => (await rows()) === 2);
  assert.match(await table.getByRole("row").last().innerText(), /Chatbot paused[\s\S]*advertising[\s\S]*ada@example\.com[\s\S]*127\.0\.0\.1/);
  const href = await page.getByRole("link", { name: "Download as CSV" }).getAttribute("href");
  const csv = await (await owner.context.request.get(product.url + href)).text();
  assert.equal(csv.trim().split("\n").length, 2);
  await page.getByLabel("To", { exact: true }).fill("2020-01-01");
  await page.getByText("No entry fits").waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("a lead is listed with what was agreed to, and erased after its name was typed", async () => {
  const { page } = owner;
  await page.goto(admin("leads"));
  const row = page.getByRole("row").filter({ hasText: "Ada Lovelace" });
  // What platforms call themselves comes after the list.
  await row.getByText("Web chat").waitFor();
  assert.match(await row.innerText(), /ada@lovelace\.example[\s\S]*agreed[\s\S]*Bot 1 · Web chat/);
  await picture(page, "admin-lead");
  await row.getByRole("button", { name: "Erase: Ada Lovelace" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/^Type/).fill("Ada Lovelace");
  await cleanDialog(page, "erasing");
  await picture(page, "admin-erase");
  await dialog.getByRole("button", { name: "Erase" }).click();
  await page.getByText("No lead fits").waitFor();
  assert.deepEqual((await product.get("/api/administration/leads")).items, []);
  assert.deepEqual(owner.problems, []);
});

desk.step("prices and budgets are a part of it, and their old address leads there", async () => {
  const { page } = owner;
  await page.goto(`${product.url}/installation`);
  await page.getByRole("tab", { name: "Prices and budgets", selected: true }).waitFor();
  assert.equal(page.url(), admin("prices"));
  await page.getByRole("region", { name: "Prices of models" }).getByText("counts now").first().waitFor();
  await page.getByRole("region", { name: "Budgets" }).getByText("No limit is set.").waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("what the API refuses is said in its own words", async () => {
  const { page } = owner;
  await page.goto(admin("users?user=01990000-0000-7000-8000-000000000000"));
  await page.getByRole("alert").getByText("there is nothing here that you may see").waitFor();
  await page.getByRole("alert").getByText("Request").waitFor();
  assert.deepEqual(owner.problems.splice(0).filter((problem) => !problem.includes("404")), []);
});

desk.everyPage(() => Object.fromEntries(TABS.map((tab) => [`admin-${tab}`, `/admin/${tab}`])));

desk.step("it speaks German, and is gone through without a mouse", async () => {
  const { page, context, problems } = await desk.enter({ locale: "de-DE" });
  await page.goto(admin("overview"));
  await page.getByRole("region", { name: "Zahlen" }).getByRole("link").filter({ hasText: "Gespräche" }).waitFor();
  await picture(page, "admin-german");
  await page.getByRole("tab", { name: "Überblick" }).focus();
  for (const name of ["Benutzer", "Arbeitsbereiche", "Chatbots", "Gespräche", "System", "Aktivität", "Kontakte", "Modelle", "Umsatz", "Preise und Budgets", "Installation", "Mail"]) {
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tab", { name, selected: true }).waitFor();
    await settled(page);
  }
  await page.goto(admin("chatbots"));
  await page.getByRole("button", { name: "Anhalten: Bot 2" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByLabel("Warum").waitFor();
  await page.keyboard.type("Wartung");
  await page.keyboard.press("Enter");
  await page.getByText("Wartung, seit").waitFor();
  await page.getByRole("button", { name: "Fortsetzen: Bot 2" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("Bot 2 macht weiter.").waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

desk.step("a chatbot moves to another workspace, once it is paused and the reason is said", async () => {
  const { page, context, problems } = await desk.enter();
  const there = (await product.post("/api/workspaces", { name: "Second house" })).id;
  await page.goto(admin("chatbots"));
  const row = page.getByRole("row").filter({ hasText: "Bot 2" });
  const dialog = page.getByRole("dialog");
  const open = async () => {
    await row.getByRole("button", { name: "Move: Bot 2" }).click();
    await dialog.getByLabel("To the workspace").fill("Second");
    await page.getByRole("listbox").getByRole("option", { name: "Second house" }).click();
    await dialog.getByText("What stays").waitFor();
  };
  await open();
  await dialog.getByText("It is running. Pause it first").waitFor();
  await cleanDialog(page, "what stands against a move");
  assert.ok(await dialog.getByRole("button", { name: "Move it" }).isDisabled());
  await dialog.getByRole("button", { name: "Cancel" }).click();

  await product.post(`/api/administration/chatbots/${plain}/pause`, { reason: "moving house" });
  await page.reload();
  await open();
  await dialog.getByText(/^Conversations: [1-9]/).waitFor();
  await dialog.getByLabel("Why").fill("The shop was sold");
  await cleanDialog(page, "a move");
  await picture(page, "admin-move");
  await dialog.getByRole("button", { name: "Move it" }).click();
  await page.getByText("Bot 2 is in the workspace Second house now.").waitFor();

  const bots = (await product.get("/api/administration/chatbots?limit=50")).items;
  assert.equal(bots.find(({ id }) => id === plain).workspace_id, there);
  assert.ok((await product.get(`/api/workspaces/${there}/conversations`)).items.length >= 1);
  assert.deepEqual(problems, []);
  await context.close();
});
