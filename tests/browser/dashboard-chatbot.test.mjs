// What one chatbot is made of beside its knowledge: its tools, its widget, and itself as a file.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before } from "node:test";
import { clean, Desk, picture, settled } from "./desk.mjs";
import { Product, until } from "./product.mjs";

const PICTURE = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAYAAADED76LAAAAFElEQVR42mNk+M9Qz0AEYBxVSF+FAAhKDveksOjmAAAAAElFTkSuQmCC", "base64");

const product = new Product();
const desk = new Desk(product);
/** A shop that tells about its orders to whoever has the key. */
const shop = createServer((request, response) => {
  response.setHeader("content-type", "application/json");
  if (request.headers.authorization !== "Bearer of-the-shop") return response.writeHead(401).end("{}");
  response.end(JSON.stringify({ order: request.url.split("/").at(-1), state: "on its way" }));
});
let owner;
let bot;
let other;
const at = (tab) => `${product.url}/chatbots/${bot}/${tab}`;

before(async () => {
  shop.listen(0, "127.0.0.1");
  await once(shop, "listening");
  await Promise.all([desk.start(), product.start(undefined, undefined, [], { BOTSMITH__TOOLS__ALLOWED_PRIVATE_CIDRS: "127.0.0.0/8" })]);
  bot = (await product.post(`/api/workspaces/${product.workspace}/chatbots`, { name: "Shop help" })).id;
  other = (await product.post(`/api/workspaces/${product.workspace}/chatbots`, { name: "Library" })).id;
  owner = await desk.enter();
});
after(async () => {
  await desk.stop();
  shop.close();
  await product.stop();
});

desk.step("an action is set up, and what is wrong with it is said where it is", async () => {
  const { page } = owner;
  await page.goto(at("tools"));
  await page.getByText("No actions yet").waitFor();
  await page.getByRole("button", { name: "Add an action" }).click();
  const drawer = page.getByRole("dialog");
  await drawer.getByRole("textbox", { name: "Name", exact: true }).fill("find order");
  await drawer.getByLabel("What it does, and when to use it").fill("Tells where an order is.");
  await drawer.getByLabel("Address").fill(`http://127.0.0.1:${shop.address().port}/orders/{id}`);
  await drawer.getByLabel("Parameters (JSON Schema)").fill("{ not json");
  await drawer.getByText("This is no JSON object").waitFor();
  assert.ok(await drawer.getByRole("button", { name: "Save" }).isDisabled());
  await drawer.getByLabel("Parameters (JSON Schema)").fill(JSON.stringify({ type: "object", properties: { id: { type: "string", description: "The order" } }, required: ["id"] }));
  await drawer.getByRole("button", { name: "Add a header" }).click();
  await drawer.getByLabel("Header 1").fill("Authorization");
  await drawer.locator("input[type=password]").fill("Bearer of-the-shop");
  await drawer.getByRole("switch", { name: "It changes something" }).click();
  await drawer.getByLabel("Word for yes").fill("Go");
  await clean(page, "an action");
  await drawer.getByRole("button", { name: "Save" }).click();
  await drawer.getByRole("alert").waitFor();
  assert.equal(await drawer.getByRole("textbox", { name: "Name", exact: true }).getAttribute("aria-invalid"), "true");
  await picture(page, "action");
  await drawer.getByRole("textbox", { name: "Name", exact: true }).fill("find_order");
  await drawer.getByRole("switch", { name: "It changes something" }).click();
  await drawer.getByRole("button", { name: "Save" }).click();
  await page.getByRole("article", { name: "find_order" }).getByText("only reads").waitFor();
  // A refused name is answered with 422.
  assert.deepEqual(owner.problems.splice(0).filter((problem) => !problem.includes("422")), []);
});

desk.step("an action is tried out, changed without its secret, switched off and deleted", async () => {
  const { page } = owner;
  const action = page.getByRole("article", { name: "find_order" });
  const dialog = page.getByRole("dialog");
  const works = async () => {
    await action.getByRole("button", { name: /^Try it out/ }).click();
    await dialog.getByLabel("Arguments (JSON)").fill('{ "id": "A-17" }');
    await dialog.getByRole("button", { name: "Call it" }).click();
    await dialog.getByText("It works").waitFor();
    await dialog.getByText("on its way").waitFor();
    await clean(page, "a call");
    await picture(page, "call");
    await dialog.getByRole("button", { name: "Close" }).click();
    await dialog.waitFor({ state: "detached" });
  };
  await works();
  await action.getByRole("button", { name: /^Edit/ }).click();
  await dialog.getByText("leave this empty to keep it").waitFor();
  await dialog.getByLabel("What it does, and when to use it").fill("Tells where an order is, by its number.");
  await dialog.getByRole("button", { name: "Save" }).click();
  await action.getByText("by its number").waitFor();
  await works();
  await action.getByRole("button", { name: /^Switch off/ }).click();
  await action.getByText("Off", { exact: true }).waitFor();
  await action.getByRole("button", { name: /^Delete/ }).click();
  assert.ok(await dialog.getByRole("button", { name: "Delete" }).isDisabled());
  await dialog.getByLabel("Type “find_order” to confirm").fill("find_order");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await page.getByText("No actions yet").waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("an MCP server is connected, its tools are listed, and allowed one by one", async () => {
  const { page } = owner;
  const { key } = await product.post(`/api/workspaces/${product.workspace}/api-keys`, { name: "library", role: "viewer" });
  await page.getByRole("button", { name: "Connect a server" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Name", exact: true }).fill("library");
  await dialog.getByLabel("Address").fill(`${product.url}/api/chatbots/${other}/mcp`);
  await dialog.getByRole("button", { name: "Add a header" }).click();
  await dialog.getByLabel("Header 1").fill("Authorization");
  await dialog.locator("input[type=password]").fill(`Bearer ${key}`);
  await clean(page, "a server");
  await dialog.getByRole("button", { name: "Connect a server" }).click();
  await dialog.waitFor({ state: "detached" });
  const server = page.getByRole("article", { name: "library" });
  const tool = server.getByRole("checkbox").first();
  await tool.waitFor();
  assert.ok(!(await tool.isChecked()), "a tool may be called before it is allowed");
  await tool.click();
  await server.getByLabel(/^Whether the visitor is asked first/).selectOption({ label: "asks the visitor first" });
  await until("it is allowed", async () => (await product.get(`/api/chatbots/${bot}/mcp-servers`)).items[0].tools.some((one) => one.allowed && one.confirm));
  await server.getByRole("button", { name: /^Ask for its tools again/ }).click();
  await server.getByRole("switch", { name: "Its allowed tools may be called" }).click();
  await until("it is off", async () => !(await product.get(`/api/chatbots/${bot}/mcp-servers`)).items[0].enabled);
  await clean(page, "with a server");
  await picture(page, "tools");
  assert.deepEqual(owner.problems, []);
});

desk.step("the widget is designed beside itself, saved, and put onto pages", async () => {
  const { page } = owner;
  await page.getByRole("tab", { name: "Widget" }).click();
  const widget = page.frameLocator("iframe[title=Preview]").locator("#botsmith-widget");
  await widget.getByRole("heading", { name: "Shop help" }).waitFor();
  const before = await widget.locator(".head").evaluate((node) => getComputedStyle(node).backgroundColor);
  await page.getByLabel("Title above the chat").fill("Fern & Kettle");
  await page.getByRole("textbox", { name: "Welcome" }).fill("Hello! **Ask** us.");
  await page.getByLabel("Colour").fill("#8a1c4a");
  await page.getByRole("button", { name: "Add a suggestion" }).click();
  await page.getByLabel("Button 1").fill("Opening hours");
  await page.getByLabel("What it asks (1)").fill("When are you open?");
  await widget.getByRole("heading", { name: "Fern & Kettle" }).waitFor();
  await widget.getByRole("button", { name: "Opening hours" }).waitFor();
  await widget.locator("strong").filter({ hasText: "Ask" }).waitFor();
  assert.notEqual(await widget.locator(".head").evaluate((node) => getComputedStyle(node).backgroundColor), before);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "INPUT", "the preview took the keyboard");

  await page.getByText(`data-bot="${bot}"`).waitFor();
  const origins = page.getByRole("region", { name: "Where it may speak" });
  await origins.getByLabel("Allowed origins").first().fill(product.url);
  await page.keyboard.press("Enter");
  await origins.getByRole("button", { name: "Save the origins" }).click();
  await origins.getByText("Saved.").waitFor();
  const { items } = await product.get(`/api/integrations/${bot}`);
  assert.equal(items.find((one) => one.platform === "web").credentials.allowed_origins, product.url);

  await page.getByLabel("Choose a picture").setInputFiles({ name: "logo.png", mimeType: "image/png", buffer: PICTURE });
  await widget.locator(".head img").waitFor();
  await page.getByLabel("Which text").selectOption("placeholder");
  await page.getByRole("button", { name: "Say it differently" }).click();
  await page.getByRole("textbox", { name: "Where one writes" }).fill("Ask away");
  await widget.locator("textarea[placeholder='Ask away']").waitFor();
  await picture(page, "widget");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Saved: pages show it within a minute.").waitFor();
  const saved = await product.get(`/api/chatbots/${bot}/widget`);
  assert.deepEqual([saved.name, saved.colour, saved.suggestions.length, saved.texts.en.placeholder], ["Fern & Kettle", "#8a1c4a", 1, "Ask away"]);
  assert.ok(saved.logo);

  assert.deepEqual(owner.problems, []);
});

desk.step("in the preview one can talk to the chatbot, and see what is asked before", async () => {
  const { page } = owner;
  const widget = page.frameLocator("iframe[title=Preview]").locator("#botsmith-widget");
  await page.getByRole("button", { name: "Ask for something" }).click();
  await page.getByLabel("Field 1").waitFor();
  await page.getByRole("textbox", { name: "Consent" }).fill("I agree.");
  await widget.getByRole("checkbox").waitFor();
  await picture(page, "widget-form");
  await page.getByRole("button", { name: "Remove: name" }).click();
  await widget.locator("textarea").fill("Are you there?");
  await widget.locator("textarea").press("Enter");
  await widget.locator(".row.bot .message").nth(1).waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("a chatbot is a file: another one is made of it, and a draft that is published", async () => {
  const { page } = owner;
  await page.getByRole("tab", { name: "Settings" }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download the file" }).click()]);
  const file = readFileSync(await download.path(), "utf8");
  assert.match(file, /Shop help/);
  const changed = { name: "bot.yaml", mimeType: "application/yaml", buffer: Buffer.from(file.replace("Shop help", "Garden help")) };

  await page.getByLabel("Choose a file").setInputFiles({ name: "bot.yaml", mimeType: "application/yaml", buffer: Buffer.from("no: bot") });
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Choose a file").setInputFiles(changed);
  await page.getByText("The file is the draft now").waitFor();
  const draft = page.getByRole("region", { name: "Draft" });
  await draft.getByText("Garden help").waitFor();
  await clean(page, "with a draft");
  await picture(page, "draft");
  await draft.getByRole("button", { name: "Discard the draft" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Discard the draft" }).click();
  await draft.waitFor({ state: "detached" });
  await page.getByLabel("Choose a file").setInputFiles(changed);
  await draft.getByRole("button", { name: "Publish the draft" }).click();
  await page.getByRole("heading", { name: "Garden help", level: 1 }).waitFor();
  await draft.waitFor({ state: "detached" });

  await page.getByRole("link", { name: "All chatbots" }).click();
  await page.getByRole("button", { name: "Import from a file" }).click();
  await page.getByLabel("Choose a file").setInputFiles({ ...changed, buffer: Buffer.from(file.replace("Shop help", "Third help")) });
  await page.getByText("The chatbot is there").waitFor();
  await clean(page, "an import");
  await page.getByRole("link", { name: "Go to the chatbot" }).click();
  await page.getByRole("heading", { name: "Third help", level: 1 }).waitFor();
  // That a file is no chatbot's is answered with 422.
  assert.deepEqual(owner.problems.splice(0).filter((problem) => !problem.includes("422") && !problem.includes("400")), []);
});

desk.step("a chatbot is archived by its name, and brought back", async () => {
  const { page } = owner;
  await page.getByRole("tab", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Archive" }).click();
  const dialog = page.getByRole("dialog");
  assert.ok(await dialog.getByRole("button", { name: "Archive" }).isDisabled());
  await dialog.getByLabel("Type “Third help” to confirm").fill("Third help");
  await dialog.getByRole("button", { name: "Archive" }).click();
  await page.getByText("This chatbot is archived and answers nobody").waitFor();
  await clean(page, "archived");
  await page.getByRole("link", { name: "All chatbots" }).click();
  await page.getByText("Archived", { exact: true }).click();
  await page.getByRole("link", { name: "Third help" }).click();
  await page.getByRole("button", { name: "Bring it back" }).click();
  await page.getByText("This chatbot is archived and answers nobody").waitFor({ state: "detached" });
  assert.deepEqual(owner.problems, []);
});

desk.everyPage(() => Object.fromEntries(["tools", "widget", "settings"].map((tab) => [`bot-${tab}`, `/chatbots/${bot}/${tab}`])));

desk.step("tools and widget speak German, and work without a mouse", async () => {
  const { page, context, problems } = await desk.enter({ locale: "de-DE" });
  await page.goto(at("tools"));
  await settled(page);
  await page.getByRole("button", { name: "Aktion hinzufügen" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("textbox", { name: "Name", exact: true }).waitFor();
  await page.keyboard.type("finde_bestellung");
  assert.equal(await page.getByRole("dialog").getByRole("textbox", { name: "Name", exact: true }).inputValue(), "finde_bestellung");
  await clean(page, "an action in German");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.goto(at("widget"));
  await page.frameLocator("iframe[title=Vorschau]").locator("#botsmith-widget").getByRole("dialog").waitFor();
  await picture(page, "widget-german");
  await page.setViewportSize({ width: 360, height: 740 });
  await page.reload();
  const { x, width } = await page.getByRole("tab", { name: "Widget", selected: true }).boundingBox();
  assert.ok(x >= 0 && x + width <= 360, `the open tab is out of sight, at ${x}`);
  assert.deepEqual(problems, []);
  await context.close();
});
