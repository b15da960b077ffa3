// The dashboard, as its owner uses it: from an installation where nobody has an account to a conversation that is taken over.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { clean, Desk, fits, OWNER, picture, settled } from "./desk.mjs";
import { Product } from "./product.mjs";

const FACTS = "We are open Monday to Friday from 9:00 to 17:00.\n\nDelivery takes three working days and costs 4.90 euros.";
const TABS = ["overview", "knowledge", "try", "behaviour", "quality", "integrations"];

const product = new Product();
const desk = new Desk(product);
let link;
let owner;
let bot;

async function ask(page, question) {
  await page.getByRole("textbox", { name: "Your question" }).fill(question);
  await page.getByRole("button", { name: "Ask", exact: true }).click();
}

before(async () => {
  [, link] = await Promise.all([desk.start(), product.startEmpty()]);
});
after(async () => {
  await desk.stop();
  await product.stop();
});

desk.step("from an empty installation to a first good answer, in under two minutes", async () => {
  owner = desk.someone = await desk.open();
  const { page } = owner;
  const began = Date.now();
  await page.goto(product.url);
  await page.getByRole("heading", { name: "Set up BotSmith" }).waitFor();
  await clean(page, "before the set-up");
  await picture(page, "set-up");

  await page.goto(link);
  await page.getByLabel("Your e-mail address").fill(OWNER.email);
  await page.getByLabel("Your name").fill("Ada");
  await page.getByLabel("Your first workspace").fill("Fern & Kettle");
  await page.getByLabel("Password").fill(OWNER.password);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("link", { name: "Open the dashboard" }).click();
  await page.getByRole("heading", { name: "Chatbots", level: 1 }).waitFor();
  await page.getByText("No chatbots yet").waitFor();
  await clean(page, "without a chatbot");
  await picture(page, "empty");

  await page.getByRole("link", { name: "Create your first bot" }).click();
  await page.getByLabel("What is it called?").fill("Shop help");
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByLabel("Title").fill("Opening hours");
  await page.getByRole("textbox", { name: "Text" }).fill(FACTS);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("table", { name: "Sources" }).getByText("Ready").waitFor();
  await clean(page, "with a first source");
  await picture(page, "first-knowledge");
  await page.getByRole("button", { name: "Try it", exact: true }).last().click();
  await page.getByRole("button", { name: "Open the web chat" }).click();
  await ask(page, "How long does delivery take?");
  await page.getByRole("log").getByText("three working days").waitFor();
  await page.getByText("Answered from the knowledge").waitFor();
  assert.ok(Date.now() - began < 120_000, `${Date.now() - began} ms`);
  await clean(page, "with a first answer");
  await picture(page, "first-answer");
  // What goes on from it is searched for together with it, and the record says so.
  await ask(page, "And how long is it?");
  await page.getByRole("row", { name: /^Searched for\s+How long does delivery take\?\s+And how long is it\?/ }).waitFor();

  await page.getByRole("button", { name: "Next" }).click();
  await page.getByRole("button", { name: "Go to the chatbot" }).click();
  await page.getByRole("heading", { name: "Shop help", level: 1 }).waitFor();
  bot = new URL(page.url()).pathname.split("/")[2];
  assert.deepEqual(owner.problems, []);
});

desk.step("what it could not answer is answered once and for all", async () => {
  const { page } = owner;
  await page.getByRole("tab", { name: "Try it" }).click();
  await ask(page, "Do you repair bicycles?");
  await page.getByText("Not in the knowledge").waitFor();
  await page.getByRole("tab", { name: "Overview" }).click();
  await page.getByRole("button", { name: "Answer: Do you repair bicycles?" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Answer" }).fill("Yes, we repair bicycles every Thursday.");
  await page.getByRole("button", { name: "Add to the knowledge" }).click();
  await page.getByText("Nothing open").waitFor();

  await page.getByRole("tab", { name: "Knowledge" }).click();
  await page.getByRole("table", { name: "Sources" }).getByText("Ready").nth(1).waitFor();
  const search = page.getByRole("region", { name: "Test the search" });
  await search.getByLabel("Question").fill("Do you repair bicycles?");
  await search.getByRole("button", { name: "Search" }).click();
  await search.getByText("Would be answered").waitFor();
  await search.getByRole("article").first().getByText("every Thursday").waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("a file is dropped, looked into, and deleted after being asked", async () => {
  const { page } = owner;
  await page.getByRole("tab", { name: "File" }).click();
  await page.locator("input[type=file]").setInputFiles({ name: "returns.md", mimeType: "text/markdown", buffer: Buffer.from("# Returns\n\nReturn anything within 30 days.\n") });
  const row = page.getByRole("row").filter({ hasText: "returns" });
  await row.getByText("Ready").waitFor();
  await row.getByRole("button", { name: /^Look inside/ }).click();
  await page.getByRole("dialog").getByText("within 30 days").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await row.getByRole("button", { name: /^Delete/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await row.waitFor({ state: "detached" });
  assert.deepEqual(owner.problems, []);
});

desk.step("a change is asked about first where there are golden questions, and versions can be brought back", async () => {
  const { page } = owner;
  await page.getByRole("tab", { name: "Quality" }).click();
  await page.getByRole("button", { name: "Add a question" }).click();
  await page.getByRole("dialog").getByLabel("Question").fill("How long does delivery take?");
  await page.getByRole("dialog").getByLabel("Source", { exact: true }).fill("Opening hours");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  for (const count of [1, 2]) {
    await page.getByRole("button", { name: "Run now" }).click();
    await page.getByRole("table", { name: "Runs" }).getByText("Done").nth(count - 1).waitFor();
  }
  await page.locator(".recharts-line").first().waitFor({ state: "attached" });

  await page.getByRole("tab", { name: "Behaviour" }).click();
  await page.getByLabel("When it does not know").fill("I have to pass.");
  await page.getByRole("region", { name: "Name and words" }).getByRole("button", { name: "Save" }).click();
  await page.getByText("Being checked").waitFor();
  await page.getByRole("tab", { name: "Quality" }).click();
  const versions = page.getByRole("table", { name: "Versions" });
  await versions.getByText("Retired").waitFor();
  await versions.getByRole("button", { name: "Compare: 1" }).click();
  await page.getByRole("dialog").getByText("I have to pass.").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await versions.getByRole("button", { name: "Bring back: 1" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Bring back" }).click();
  await versions.getByRole("row").filter({ hasText: "Live" }).filter({ hasText: /^3/ }).waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("an integration says what it needs, shows what is typed on request, and is tested", async () => {
  const { page } = owner;
  await page.getByRole("tab", { name: "Integrations" }).click();
  await page.getByRole("button", { name: "Set up: Twilio" }).click();
  const drawer = page.getByRole("dialog");
  await drawer.getByRole("button", { name: "Copy: Webhook address" }).waitFor();
  await clean(page, "instructions");
  await drawer.getByRole("tab", { name: "Settings" }).click();
  const secret = drawer.locator("input[type=password]").first();
  await secret.fill("not a token");
  await drawer.getByRole("button", { name: /^Show what is typed/ }).first().click();
  assert.equal(await drawer.getByRole("textbox", { name: "Auth token", exact: true }).inputValue(), "not a token");
  await clean(page, "fields");
  await picture(page, "integration");
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Manage: Web" }).click();
  await drawer.getByRole("button", { name: "Test the connection" }).click();
  await drawer.getByText("It works").waitFor();
  await drawer.getByRole("tab", { name: "Log" }).click();
  await drawer.getByRole("tab", { name: "Refused webhooks" }).click();
  await drawer.getByText("No webhook was refused").waitFor();
  await clean(page, "an integration");
  await picture(page, "integration-manage");
  await page.keyboard.press("Escape");
  assert.deepEqual(owner.problems, []);
});

desk.step("a conversation is taken over, answered and handed back", async () => {
  const { page } = owner;
  await page.getByRole("link", { name: "Inbox" }).click();
  await page.getByRole("navigation", { name: "Conversations" }).getByRole("link").first().click();
  await page.getByRole("button", { name: "Take over" }).click();
  await page.getByRole("button", { name: "Hand back to the bot" }).waitFor();
  await page.getByLabel("Your reply").fill("Ada here: I will look into it.");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("log").getByText("Ada here").waitFor();
  await clean(page, "a conversation");
  await picture(page, "inbox");
  await page.getByRole("button", { name: "Hand back to the bot" }).click();
  await page.getByRole("button", { name: "Take over" }).waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("what happened is told in figures and charts, and as a table", async () => {
  const { page } = owner;
  const workspace = new URL(page.url()).pathname.split("/").slice(0, 3).join("/");
  const counted = async () => (await (await page.request.get(`${product.url}/api${workspace}/analytics`)).json()).total;
  for (let total = await counted(); !total.by_people; total = await counted()) await page.waitForTimeout(200);
  const total = await counted();
  assert.equal(total.handed_over, 1);

  await page.getByRole("link", { name: "Analytics" }).click();
  const messages = page.getByRole("row").filter({ hasText: /Web chat/ }).getByRole("cell").nth(2);
  assert.equal(await messages.innerText(), String(total.inbound + total.by_bot + total.by_people));
  await page.getByRole("figure", { name: "How long people waited" }).locator("svg").first().waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download as CSV" }).click()]);
  assert.equal(download.suggestedFilename(), "analytics.csv");
  await page.getByLabel("Channel", { exact: true }).selectOption({ label: "Telegram" });
  await page.getByText("Nothing has happened in this time").waitFor();
  assert.deepEqual(owner.problems, []);
});

for (const colorScheme of ["light", "dark"]) {
  desk.step(`every page is accessible and fits, ${colorScheme}`, async () => {
    const { page, context, problems } = await desk.open({ colorScheme });
    await context.addCookies(await owner.context.cookies());
    const workspace = new URL(owner.page.url()).pathname.split("/").slice(0, 3).join("/");
    const pages = ["/", `${workspace}/inbox`, `${workspace}/analytics`, "/nothing-here", ...TABS.map((tab) => `/chatbots/${bot}/${tab}`)];
    for (const path of pages) {
      const name = path === "/" ? "chatbots" : path.split("/").at(-1);
      await page.setViewportSize({ width: 1280, height: 860 });
      await page.goto(product.url + path);
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

desk.step("it speaks German, and can be used without a mouse", async () => {
  const { page, context, problems } = await desk.open({ locale: "de-DE" });
  await page.goto(`${product.url}/chatbots/${bot}/knowledge`);
  await page.getByLabel("E-Mail-Adresse").waitFor();
  await clean(page, "signing in");
  await picture(page, "sign-in-german");
  await page.getByLabel("E-Mail-Adresse").focus();
  await page.keyboard.type(OWNER.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("Adresse oder Passwort stimmt nicht.").waitFor();
  await page.getByLabel("Passwort").fill(OWNER.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Wissen hinzufügen" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  await page.getByRole("tab", { name: "Wissen" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.getByRole("tab", { name: "Ausprobieren", selected: true }).waitFor();
  await picture(page, "try-german");
  await page.goto(`${product.url}/chatbots/00000000-0000-7000-8000-000000000000/overview`);
  await page.getByRole("alert").getByText("Anfrage").waitFor();
  assert.deepEqual(problems.filter((problem) => !problem.includes("404")), []);
  await context.close();
});

desk.step("the first load is 300 kB at most", async () => {
  const { page, context } = await desk.open();
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  let bytes = 0;
  cdp.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await context.addCookies(await owner.context.cookies());
  await page.goto(product.url);
  await settled(page);
  await page.waitForLoadState("networkidle");
  assert.ok(bytes > 50_000 && bytes <= 300_000, `${bytes} bytes`);
  await context.close();
});
