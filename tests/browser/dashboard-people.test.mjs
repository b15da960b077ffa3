// Whom a workspace talks to: leads, what other programs are told of them, exporting and erasing, keeping and deleting.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before } from "node:test";
import { clean, Desk, picture, settled } from "./desk.mjs";
import { Product, until } from "./product.mjs";

const product = new Product();
const desk = new Desk(product);
const here = (path) => `${product.url}/workspaces/${product.workspace}/${path}`;
const WIDGET = {
  pre_chat: [
    { name: "name" }, { name: "email", type: "email", required: true },
    { name: "size", type: "choice", label: "Company size", choices: ["1 to 10", "more"] },
    { name: "budget", ask: false },
  ],
  consent: "You may call me.",
};

/** A CRM that is told of events, and refuses them until it is up. */
const crm = { came: [], up: true };
const server = createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  crm.came.push({ headers: request.headers, body: Buffer.concat(pieces) });
  response.writeHead(crm.up ? 200 : 503).end(crm.up ? "thanks" : "closed for lunch");
});
let bot;
let page;
let lead;

/** As the specification says: over the bytes as they came. */
function verifies({ headers, body }, secret) {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const signed = Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`), body]);
  const expected = createHmac("sha256", key).update(signed).digest("base64");
  return headers["webhook-signature"].split(" ").includes(`v1,${expected}`);
}

/** Somebody who fills in the form and writes. */
async function visitor(said, text) {
  const call = async (path, body, token) => {
    const answer = await fetch(`${product.url}/api/chat/${bot}/${path}`, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) } });
    assert.ok(answer.ok, await answer.clone().text());
    return answer.json();
  };
  const { token } = await call("sessions", { lead: { consent: true, ...said } });
  await call("messages", { text }, token);
}

before(async () => {
  server.listen(0, "127.0.0.1");
  await Promise.all([desk.start(), once(server, "listening"), product.start(undefined, undefined, [], { BOTSMITH__TOOLS__ALLOWED_PRIVATE_CIDRS: "127.0.0.0/8" })]);
  bot = await product.bot(WIDGET);
});
after(async () => {
  await desk.stop();
  await product.stop();
  server.close();
});

let secret;
desk.step("a webhook is added, its secret shown once, and a test arrives signed", async () => {
  ({ page } = await desk.enter());
  await page.goto(here("settings/webhooks"));
  await page.getByText("No webhooks yet").waitFor();
  await page.getByRole("button", { name: "Add a webhook" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Address").fill("http://169.254.169.254/");
  await dialog.getByRole("button", { name: "Add a webhook" }).click();
  await dialog.getByText("allowed_private_cidrs").waitFor();
  await dialog.getByLabel("Address").fill(`http://127.0.0.1:${server.address().port}/hook`);
  await dialog.getByLabel("Name").fill("Our CRM");
  await dialog.getByLabel("Somebody wrote").check();
  await clean(page, "adding a webhook");
  await picture(page, "people-webhook-new");
  await dialog.getByRole("button", { name: "Add a webhook" }).click();
  secret = await dialog.locator("code", { hasText: "whsec_" }).innerText();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  const row = page.getByRole("row", { name: /Our CRM/ });
  await row.getByRole("button", { name: "Send a test: Our CRM" }).click();
  await until("the test arrives", async () => crm.came.length === 1);
  assert.equal(JSON.parse(crm.came[0].body).type, "webhook.test");
  assert.ok(verifies(crm.came[0], secret), "the signature is not what the secret makes");
  assert.ok(!(await page.content()).includes(secret), "the secret is still on the page");
});

desk.step("who fills in the form is a lead, and the CRM is told of it and of what was written", async () => {
  crm.came.length = 0;
  await visitor({ name: "Ada Lovelace", email: "ada@lovelace.example", size: "more" }, "Do you ship xyzzyword?");
  await until("the events arrive", async () => crm.came.length >= 2);
  const told = crm.came.map((one) => JSON.parse(one.body));
  assert.ok(crm.came.every((one) => verifies(one, secret)));
  assert.deepEqual(told.map(({ type }) => type).sort(), ["lead.created", "message.received"]);
  assert.equal(told.find(({ type }) => type === "lead.created").data.email, "ada@lovelace.example");
  assert.equal(told.find(({ type }) => type === "message.received").data.text, "Do you ship xyzzyword?");

  await page.goto(product.url);
  await page.getByRole("link", { name: "Leads" }).click();
  const row = page.getByRole("row", { name: /Ada Lovelace/ });
  await row.getByText("Agreed").waitFor();
  await row.getByText("New", { exact: true }).waitFor();
  await picture(page, "people-leads-one");
  await row.getByRole("button", { name: "Open: Ada Lovelace" }).click();
  const panel = page.getByRole("dialog");
  await panel.getByLabel("Stage", { exact: true }).selectOption("Contacted");
  await panel.getByLabel("Looked after by").selectOption("Ada");
  await panel.getByLabel("Company size").selectOption("1 to 10");
  await panel.getByLabel("budget").fill("5000");
  await panel.getByRole("button", { name: "Save" }).click();
  await page.getByRole("row", { name: /Ada Lovelace/ }).getByText("Contacted").waitFor();
  await until("the change is told", async () => crm.came.some(({ body }) => JSON.parse(body).type === "lead.updated"));
  assert.equal(await panel.getByLabel("What they agreed to").inputValue(), "You may call me.");
  await clean(page, "a lead");
  await picture(page, "people-lead");
  lead = new URL(page.url()).searchParams.get("lead");
  const { lead: kept } = await product.get(`/api/workspaces/${product.workspace}/leads/${lead}`);
  assert.deepEqual([kept.stage, kept.fields], ["contacted", { size: "1 to 10", budget: "5000" }]);
});

desk.step("what is refused waits, is seen with the answer, and is sent again by hand", async () => {
  crm.came.length = 0;
  crm.up = false;
  await product.patch(`/api/workspaces/${product.workspace}/leads/${lead}`, { phone: "+44 20 7946 0018" });
  await until("it is refused", async () => crm.came.length >= 1);
  await page.goto(here("settings/webhooks"));
  await page.getByRole("button", { name: "Deliveries: Our CRM" }).click();
  const dialog = page.getByRole("dialog");
  const waiting = dialog.locator("details").first();
  await waiting.locator("summary").click();
  await waiting.getByText("HTTP 503").first().waitFor();
  await waiting.getByText("closed for lunch").first().waitFor();
  await clean(page, "deliveries");
  await picture(page, "people-deliveries");
  crm.up = true;
  crm.came.length = 0;
  await waiting.getByRole("button", { name: "Send again" }).click();
  await until("it arrives", async () => crm.came.length >= 1);
  await dialog.getByLabel("State").selectOption("Taken");
  await dialog.getByText("Lead changed").first().waitFor();
});

desk.step("an event that was on its way when the process was killed arrives all the same", async () => {
  crm.came.length = 0;
  crm.up = false;
  await product.patch(`/api/workspaces/${product.workspace}/leads/${lead}`, { fields: { budget: "6000" } });
  await product.kill();
  crm.up = true;
  crm.came.length = 0;
  await product.run();
  const about = ({ body }) => JSON.parse(body).data.fields?.budget === "6000";
  await until("it arrives", async () => crm.came.some(about), 90_000);
  assert.ok(crm.came.filter(about).every((one) => verifies(one, secret)));
});

desk.step("a table is looked at before it is imported, and what does not fit is named", async () => {
  await page.goto(here("leads"));
  await page.getByRole("button", { name: "Import" }).click();
  const dialog = page.getByRole("dialog");
  const csv = "name,email,phone,company\nBob,bob@example.com,,Kettle\nCyd,nonsense,,\nAda L.,ADA@lovelace.example,,Fern\n";
  await dialog.locator("input[type=file]").setInputFiles({ name: "leads.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
  await dialog.getByText("New: 1. Changed: 1. Passed over: 1.").waitFor();
  await dialog.getByText("has to be an e-mail address").waitFor();
  await clean(page, "a preview");
  await picture(page, "people-import");
  assert.equal((await product.get(`/api/workspaces/${product.workspace}/leads`)).items.length, 1, "the preview wrote something");
  await dialog.getByRole("button", { name: "Import these rows" }).click();
  await dialog.getByText("Imported", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await page.getByRole("row", { name: /Bob/ }).waitFor();
});

desk.step("two leads who are one person are made one, and stages are called as the owner likes", async () => {
  await page.getByRole("button", { name: "Open: Ada L." }).click();
  const panel = page.getByRole("dialog");
  await panel.getByRole("button", { name: "Choose the other lead" }).click();
  await panel.getByRole("radio", { name: /Bob/ }).check();
  await panel.getByRole("button", { name: "Make them one" }).click();
  await page.getByRole("row", { name: /Bob/ }).waitFor({ state: "detached" });
  await panel.getByRole("button", { name: "Close" }).click();

  await page.getByRole("button", { name: "Stages" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Stage 3").fill("Offer sent");
  await dialog.getByRole("button", { name: "Move up: Offer sent" }).click();
  await clean(page, "stages");
  await picture(page, "people-stages");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  const { items } = await product.get(`/api/workspaces/${product.workspace}/lead-stages`);
  assert.deepEqual(items.map(({ name }) => name), ["new", "Offer sent", "contacted", "won", "lost"]);
});

const pages = () => ({
  "people-leads": `/workspaces/${product.workspace}/leads`,
  "people-panel": `/workspaces/${product.workspace}/leads?lead=${lead}`,
  "people-webhooks": `/workspaces/${product.workspace}/settings/webhooks`,
  "people-privacy": `/workspaces/${product.workspace}/settings/privacy`,
  "people-keeping": `/chatbots/${bot}/settings`,
  "people-fields": `/chatbots/${bot}/widget`,
});
desk.everyPage(pages);

desk.step("it speaks German", async () => {
  const { page, context } = await desk.enter({ locale: "de-DE" });
  await page.goto(here("leads"));
  await page.getByRole("button", { name: "Lead anlegen" }).waitFor();
  await settled(page);
  await picture(page, "people-leads-german");
  await page.goto(here("settings/webhooks"));
  await page.getByText("zuletzt angenommen").waitFor();
  await page.setViewportSize({ width: 360, height: 740 });
  await picture(page, "people-webhooks-german");
  await context.close();
});

desk.step("a person is exported and erased, and a receipt without their name stays", async () => {
  await page.goto(here(`leads?lead=${lead}`));
  const panel = page.getByRole("dialog");
  await panel.getByRole("button", { name: "Export everything" }).click();
  await panel.getByRole("link", { name: "Personal data" }).click();
  const download = page.getByRole("link", { name: /^Download/ });
  await download.waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), download.click()]);
  assert.equal(file.suggestedFilename(), "person.zip");

  await page.goto(here(`leads?lead=${lead}`));
  await panel.getByRole("button", { name: "Erase everything" }).click();
  const confirm = page.getByRole("dialog", { name: /Erase everything of/ });
  await confirm.getByRole("textbox").fill("Ada L.");
  await confirm.getByRole("button", { name: "Erase everything" }).click();
  await page.goto(here("settings/privacy"));
  const receipt = page.getByRole("row", { name: /Person erased/ });
  await receipt.getByText("Done").waitFor();
  await receipt.getByText(/messages: 2/).waitFor();
  await picture(page, "people-receipt");
  assert.ok(!(await page.locator("main").innerText()).includes("lovelace"), "the receipt names the person");
  const { items } = await product.get(`/api/workspaces/${product.workspace}/leads`);
  assert.deepEqual(items, []);
  assert.deepEqual((await product.get(`/api/workspaces/${product.workspace}/conversations`)).items, []);
});

desk.step("conversations are kept as long as the owner says, and an archived chatbot is deleted for good", async () => {
  await page.goto(`${product.url}/chatbots/${bot}/settings`);
  await page.getByLabel("Erase old conversations").check();
  await page.getByLabel("Days of silence").fill("30");
  const keeping = page.getByRole("region", { name: "How long conversations are kept" });
  await keeping.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await until("it is kept", async () => (await product.get(`/api/chatbots/${bot}`)).retention_days === 30);
  await product.post(`/api/chatbots/${bot}/archive`, {});
  await page.reload();
  await page.getByRole("button", { name: "Delete for good" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("Bot 1");
  await dialog.getByRole("button", { name: "Delete for good" }).click();
  await page.goto(here("settings/privacy"));
  const row = page.getByRole("row", { name: /Chatbot deleted/ });
  await row.getByText("Done").waitFor();
  assert.deepEqual((await product.get(`/api/workspaces/${product.workspace}/chatbots?archived=true`)).items, []);
  assert.deepEqual(desk.someone.problems, []);
});
