// What visitors say of answers: said in the widget, seen by whoever owns the chatbot.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { clean, Desk, settled } from "./desk.mjs";
import { plain, product, scene, start, stop, visit } from "./stage.mjs";

const desk = new Desk(product);
before(async () => { await start(); await desk.start(); });
after(async () => { await desk.stop(); await stop(); });

const thumb = (widget, name) => widget.root.getByRole("button", { name: `${name} answer` }).last();
const isPressed = (widget, name) => thumb(widget, name).and(widget.root.locator(`[aria-pressed="true"]`)).waitFor();
const isNotPressed = (widget, name) => thumb(widget, name).and(widget.root.locator(`[aria-pressed="false"]`)).waitFor();

scene("a visitor calls an answer bad and says why, and its owner finds it by that", async (t) => {
  const widget = await (await visit(t)).open();
  const unrated = await (await visit(t)).open();
  await unrated.ask();
  const { token } = await widget.ask();
  const { page, problems } = await desk.enter();
  const inbox = `${product.url}/workspaces/${product.workspace}/inbox`;
  const list = page.getByRole("navigation", { name: "Conversations" });
  await page.goto(`${inbox}?state=all`);
  await list.getByRole("link").nth(1).waitFor();
  await page.getByLabel("Rating").selectOption({ label: "Bad answer" });
  await list.getByText("Nothing fits").waitFor();
  assert.equal(new URL(page.url()).searchParams.get("feedback"), "bad");

  // Whoever changes their mind before the first is told is heard as well.
  let tell;
  const told = new Promise((resolve) => (tell = resolve));
  await widget.page.route("**/feedback", async (route) => { await told; await route.continue(); });
  await thumb(widget, "Good").click();
  await isPressed(widget, "Good");
  await thumb(widget, "Bad").click();
  await isPressed(widget, "Bad");
  await isNotPressed(widget, "Good");
  tell();
  await widget.root.getByRole("textbox", { name: "What was wrong?" }).fill("You are closed on Mondays.");
  await widget.root.getByRole("button", { name: "Send comment" }).click();
  await widget.root.getByText("Thank you.").waitFor();

  await widget.page.reload();
  await widget.said("bot", token).waitFor();
  await isPressed(widget, "Bad");
  assert.deepEqual(widget.visitor.problems, []);

  // It has come into the list while the page was open.
  const found = list.getByRole("link").filter({ hasText: token });
  await found.filter({ hasText: "1 bad" }).waitFor();
  assert.equal(await list.getByRole("link").count(), 1);
  await found.click();
  const log = page.getByRole("log");
  await log.getByText("Bad answer").waitFor();
  await log.getByText("“You are closed on Mondays.”").waitFor();
  await settled(page);
  await clean(page, "a rated answer");

  await thumb(widget, "Bad").click();
  await isNotPressed(widget, "Bad");
  await log.getByText("Bad answer").waitFor({ state: "detached" });
  await thumb(widget, "Bad").click();
  await isPressed(widget, "Bad");
  await page.goto(`${product.url}/chatbots/${plain}/overview`);
  const figures = page.getByRole("region", { name: "What people say of answers" });
  await figures.getByText("0%").waitFor();
  await figures.getByRole("link", { name: "Show bad ones" }).click();
  await list.getByRole("link").filter({ hasText: token }).waitFor();
  assert.deepEqual(problems, []);
});

scene("an owner who wants no ratings has no buttons below answers", async (t) => {
  const bot = await product.bot();
  const { page, problems } = await desk.enter();
  await page.goto(`${product.url}/chatbots/${bot}/widget`);
  await page.getByLabel("Visitors may rate answers").uncheck();
  await page.getByRole("button", { name: "Save" }).first().click();
  const saved = async () => (await product.get(`/api/chatbots/${bot}/widget`)).feedback;
  for (let tries = 0; (await saved()) && tries < 50; tries += 1) await page.waitForTimeout(100);
  assert.equal(await saved(), false);

  const widget = await (await visit(t, { bot })).open();
  await widget.ask();

  assert.equal(await widget.root.getByRole("button", { name: /answer$/ }).count(), 0);
  assert.deepEqual(problems, []);
});
