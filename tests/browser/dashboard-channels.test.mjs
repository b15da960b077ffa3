// What comes over channels: webhooks that are refused and mended, answers that are asked for again, templates and previews.

import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before } from "node:test";
import { clean, Desk, picture, settled } from "./desk.mjs";
import { Model } from "./model.mjs";
import { Product, QUESTION, until } from "./product.mjs";

const SECRET = "an-app-secret-of-thirty-two-byte";
const AUTH_TOKEN = "0123456789abcdef0123456789abcdef";
const ACCOUNT = "AC0123456789abcdef0123456789abcdef";
const NUMBER = "106540352242922";
const WABA = "102290129340398";
const TEMPLATES = [
  { name: "order_ready", language: "en_US", status: "APPROVED", category: "UTILITY", components: [{ type: "BODY", text: "Hello {{1}}, your order {{2}} is ready." }] },
  { name: "spring_sale", language: "en_US", status: "REJECTED", category: "MARKETING", components: [{ type: "BODY", text: "Everything must go!" }] },
];

const product = new Product();
const desk = new Desk(product);
const model = new Model();
/** Plays Meta's and Twilio's APIs as far as they are asked. */
const said = [];
const platforms = createServer(async (request, response) => {
  let body = "";
  for await (const piece of request) body += piece;
  response.setHeader("content-type", "application/json");
  if (request.method === "GET" && request.url.includes("/message_templates")) return response.end(JSON.stringify({ data: TEMPLATES }));
  if (request.method === "GET") return response.end(JSON.stringify({ id: NUMBER, data: [] }));
  said.push(body);
  const sid = `SM${String(said.length).padStart(32, "0")}`;
  response.writeHead(request.url.includes(".json") ? 201 : 200).end(JSON.stringify({ sid, status: "queued", num_segments: "1", messages: [{ id: `wamid.${said.length}` }], success: true }));
});
let owner;
let bot;

/** Ann writes these texts at once. */
async function whatsapp(...texts) {
  const messages = texts.map((body) => ({ from: "16505551234", id: `wamid.${randomUUID()}`, timestamp: String(Math.floor(Date.now() / 1000)), type: "text", text: { body } }));
  const value = { messaging_product: "whatsapp", metadata: { display_phone_number: "15550100000", phone_number_id: NUMBER }, contacts: [{ profile: { name: "Ann" }, wa_id: "16505551234" }], messages };
  const body = JSON.stringify({ object: "whatsapp_business_account", entry: [{ id: WABA, changes: [{ field: "messages", value }] }] });
  const signature = `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`;
  return fetch(`${product.url}/api/whatsapp/webhook/${bot}`, { method: "POST", body, headers: { "content-type": "application/json", "x-hub-signature-256": signature } });
}

async function sms(id, text, token) {
  const url = `${product.url}/api/twilio/webhook/${bot}`;
  const fields = { AccountSid: ACCOUNT, Body: text, From: "+14155550123", MessageSid: id, NumMedia: "0", NumSegments: "1", To: "+14155550100" };
  const signed = url + Object.keys(fields).sort().map((name) => name + fields[name]).join("");
  const signature = createHmac("sha1", token).update(signed).digest("base64");
  return fetch(url, { method: "POST", body: new URLSearchParams(fields), headers: { "x-twilio-signature": signature } });
}

before(async () => {
  platforms.listen(0, "127.0.0.1");
  await Promise.all([once(platforms, "listening"), model.start(), desk.start()]);
  const at = `http://127.0.0.1:${platforms.address().port}`;
  await product.start(undefined, model.url, [], { BOTSMITH__PLATFORMS__GRAPH_URL: at, BOTSMITH__PLATFORMS__TWILIO_API_URL: at });
  product.origins = [product.url];
  bot = await product.bot();
  owner = await desk.enter();
});
after(async () => {
  await desk.stop();
  model.stop();
  platforms.close();
  platforms.closeAllConnections();
  await product.stop();
});

desk.step("an integration is set up in its form, switched off and on again", async () => {
  const { page } = owner;
  await page.goto(`${product.url}/chatbots/${bot}/integrations`);
  await page.getByRole("button", { name: "Set up: Twilio" }).click();
  const drawer = page.getByRole("dialog");
  await drawer.getByRole("tab", { name: "Settings" }).click();
  await drawer.getByRole("textbox", { name: "Account SID" }).fill(ACCOUNT);
  await drawer.locator("input[type=password]").first().fill("f".repeat(32));
  const number = drawer.getByRole("textbox", { name: /number/i }).first();
  await number.fill("+14155550100");
  await drawer.getByRole("button", { name: "Save" }).click();
  const on = drawer.getByRole("switch", { name: "Switched on" });
  await on.waitFor();
  const enabled = async () => (await product.get(`/api/integrations/${bot}`)).items.find((one) => one.platform === "twilio")?.enabled;
  const was = await enabled();
  await on.click();
  await until("it is switched", async () => (await enabled()) === !was);
  await page.waitForFunction((was) => document.querySelector("[role=dialog] [role=switch]").checked === !was, was);
  if (was) {
    await on.click();
    await until("it is switched back", enabled);
  }
  await clean(page, "set up");
  await page.keyboard.press("Escape");
  assert.deepEqual(owner.problems, []);
});

desk.step("a webhook that was refused is checked, taken in once the settings are mended, or discarded", async () => {
  const { page } = owner;
  for (const number of [1, 2]) assert.notEqual((await sms(`SM${String(number).repeat(32)}`, `${QUESTION} TOKEN00000${number}`, AUTH_TOKEN)).status, 200);
  await page.getByRole("button", { name: "Manage: Twilio" }).click();
  const drawer = page.getByRole("dialog", { name: "Twilio SMS" });
  await drawer.getByRole("tab", { name: "Refused webhooks" }).click();
  await drawer.getByText("Kept", { exact: true }).nth(1).waitFor();
  await picture(page, "refused");
  await clean(page, "refused webhooks");
  await drawer.getByRole("button", { name: "Check again" }).first().click();
  assert.ok(await drawer.getByRole("button", { name: "Take it in" }).first().isDisabled());

  await drawer.getByRole("tab", { name: "Settings" }).click();
  await drawer.locator("input[type=password]").first().fill(AUTH_TOKEN);
  await drawer.getByRole("button", { name: "Save" }).click();
  await drawer.getByText("Saved.").waitFor();
  await drawer.getByRole("tab", { name: "Refused webhooks" }).click();
  await drawer.getByRole("button", { name: "Check again" }).first().click();
  const take = drawer.getByRole("button", { name: "Take it in" }).first();
  await until("it can be taken in", () => take.isEnabled());
  await take.click();
  await drawer.getByText("Taken in", { exact: true }).waitFor();
  await drawer.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("dialog", { name: "Discard this webhook?" }).getByRole("button", { name: "Discard" }).click();
  await drawer.getByText("Discarded", { exact: true }).waitFor();
  await drawer.getByRole("tab", { name: "Log" }).click();
  await drawer.getByText("Warning").last().waitFor();
  await page.keyboard.press("Escape");
  assert.deepEqual(owner.problems, []);
});

desk.step("while an SMS is written one sees how many segments it takes", async () => {
  const { page } = owner;
  await page.getByRole("link", { name: "Inbox" }).click();
  await page.getByRole("navigation", { name: "Conversations" }).getByRole("link").filter({ hasText: "twilio" }).first().click();
  const reply = page.getByLabel("Your reply");
  await reply.fill("We will call you back.");
  await page.getByText("SMS segments: 1 · GSM-7").waitFor();
  await reply.fill("Wir rufen zurück ☎ ganz sicher! ".repeat(6));
  await page.getByText(/SMS segments: [3-9] · UCS-2/).waitFor();
  await picture(page, "segments");
  assert.deepEqual(owner.problems, []);
});

desk.step("an approved template is chosen, filled in and sent", async () => {
  const { page } = owner;
  const credentials = { access_token: "token-of-metas", app_secret: SECRET, phone_number_id: NUMBER, waba_id: WABA, verify_token: "verify" };
  await product.post(`/api/integrations/${bot}`, { platform: "whatsapp", enabled: true, credentials });
  assert.equal((await whatsapp(`${QUESTION} TOKEN000042`)).status, 200);
  await page.getByRole("navigation", { name: "Conversations" }).getByRole("link").filter({ hasText: "Ann" }).click();
  await page.getByRole("log").getByText("TOKEN000042").nth(1).waitFor();
  await page.getByRole("button", { name: "Send a template" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Rejected").waitFor();
  assert.ok(await dialog.getByRole("button", { name: /spring_sale/ }).isDisabled());
  await clean(page, "templates");
  await picture(page, "templates");
  await dialog.getByLabel("Search").fill("order");
  await dialog.getByRole("button", { name: /order_ready/ }).click();
  await dialog.getByRole("textbox", { name: "Place 1" }).fill("Ann");
  await dialog.getByRole("textbox", { name: "Place 2" }).fill("A-17");
  await dialog.getByText("Hello Ann, your order A-17 is ready.").waitFor();
  await clean(page, "a template");
  await picture(page, "template");
  await dialog.getByRole("button", { name: "Send" }).click();
  await dialog.waitFor({ state: "detached" });
  const sent = await until("the template is sent", () => said.find((body) => body.includes("order_ready")));
  assert.match(sent, /Ann[\s\S]*A-17/);
  assert.deepEqual(owner.problems, []);
});

desk.step("an answer is asked for again with a change, and stands beside the one of before", async () => {
  const { page } = owner;
  const log = page.getByRole("log");
  await log.getByRole("button", { name: "Why?" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Ask again with a change" }).click();
  const dialog = page.getByRole("dialog", { name: "Ask again with a change" });
  model.plan("TOKEN000042", "In rhymes: nine to five, we are alive. TOKEN000042 [1]");
  await dialog.getByLabel("Instructions").fill("Answer in rhymes.");
  await clean(page, "a change");
  await dialog.getByRole("button", { name: "Ask again" }).click();
  await dialog.getByRole("region", { name: "After" }).getByText("In rhymes").waitFor();
  await dialog.getByRole("region", { name: "Before" }).getByText("TOKEN000042").first().waitFor();
  await clean(page, "side by side");
  await picture(page, "again");
  model.plan("TOKEN000042", "A second try. TOKEN000042 [1]");
  await dialog.getByLabel("Passages an answer may rest on").fill("1");
  await dialog.getByRole("button", { name: "Ask again" }).click();
  await dialog.getByRole("region", { name: "After" }).getByText("A second try").waitFor();
  await page.setViewportSize({ width: 360, height: 740 });
  await picture(page, "again-phone");
  await page.setViewportSize({ width: 1280, height: 860 });
  await dialog.getByRole("button", { name: "Close" }).click();
  assert.equal(said.filter((body) => body.includes("rhymes")).length, 0, "the new answer was sent");
  assert.deepEqual(owner.problems, []);
});

desk.step("long lists come page after page", async () => {
  const { page } = owner;
  for (let number = 0; number < 35; number += 1) {
    const { token } = await (await fetch(`${product.url}/api/chat/${bot}/sessions`, { method: "POST", body: "{}", headers: { "content-type": "application/json" } })).json();
    await fetch(`${product.url}/api/chat/${bot}/messages`, { method: "POST", body: JSON.stringify({ text: `Hello ${number}`, wait: "none" }), headers: { "content-type": "application/json", authorization: `Bearer ${token}` } });
  }
  await page.goto(`${product.url}/workspaces/${product.workspace}/inbox`);
  const list = page.getByRole("navigation", { name: "Conversations" });
  await until("the first page", async () => (await list.getByRole("link").count()) === 30);
  // While answers to all of them still come in, a press may meet the list being read anew.
  const more = list.getByRole("button", { name: "Show more" });
  await until("the second page", async () => {
    if (await more.count()) await more.click({ timeout: 1_000 }).catch(() => undefined);
    return (await list.getByRole("link").filter({ hasText: "Ann" }).count()) === 1;
  });
  assert.equal(await list.getByRole("button", { name: "Show more" }).count(), 0);
  await page.getByLabel("Channel").selectOption("whatsapp");
  await until("only WhatsApp", async () => (await list.getByRole("link").count()) === 1);

  await list.getByRole("link").filter({ hasText: "Ann" }).click();
  await page.getByRole("button", { name: "Take over" }).click();
  await page.getByRole("button", { name: "Hand back to the bot" }).waitFor();
  await whatsapp(...Array.from({ length: 105 }, (_, number) => `Line ${number}.`));
  const log = page.getByRole("log");
  await log.getByText("Line 104.").waitFor();
  assert.equal(await log.getByText("TOKEN000042").count(), 0, "everything is read at once");
  await log.getByRole("button", { name: "Show more" }).click();
  await log.getByText("TOKEN000042").first().waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("an integration is deleted by its name", async () => {
  const { page } = owner;
  await page.goto(`${product.url}/chatbots/${bot}/integrations`);
  await page.getByRole("button", { name: "Manage: Twilio" }).click();
  await page.getByRole("dialog", { name: "Twilio SMS" }).getByRole("button", { name: "Delete" }).click();
  const asked = page.getByRole("dialog", { name: "Delete Twilio SMS?" });
  await asked.getByLabel("Type “Twilio SMS” to confirm").fill("Twilio SMS");
  await asked.getByRole("button", { name: "Delete" }).click();
  await until("it is gone", async () => !(await product.get(`/api/integrations/${bot}`)).items.some((one) => one.platform === "twilio"));
  await asked.waitFor({ state: "hidden" });
  await page.getByRole("dialog", { name: "Twilio SMS", exact: true }).getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Set up: Twilio" }).waitFor();
  await settled(page);
  assert.deepEqual(owner.problems, []);
});
