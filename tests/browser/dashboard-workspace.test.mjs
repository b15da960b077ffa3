// The workspace and the installation, as their owner keeps them: who works there, with which keys, for how much money.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { clean, Desk, OWNER, picture, settled } from "./desk.mjs";
import { Product } from "./product.mjs";

const GUEST = { email: "grace@example.com", password: "an altogether other passphrase 9" };

const product = new Product();
const desk = new Desk(product);
let owner;
let guest;
const settings = (tab) => `/workspaces/${product.workspace}/settings/${tab}`;

before(async () => {
  await Promise.all([desk.start(), product.start()]);
});
after(async () => {
  await desk.stop();
  await product.stop();
});

desk.step("somebody is invited with a link that is shown once, and joins by it", async () => {
  owner = await desk.enter();
  const { page } = owner;
  await page.goto(product.url);
  await page.getByRole("link", { name: "Workspace" }).click();
  await page.getByRole("table", { name: "Members" }).getByText("ada@example.com").waitFor();
  await page.getByRole("button", { name: "Invite somebody" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("E-mail address").fill(GUEST.email);
  await dialog.getByLabel("Role").selectOption("viewer");
  await clean(page, "inviting");
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const link = await dialog.locator("code").innerText();
  await clean(page, "an invitation's link");
  await picture(page, "invitation");
  await dialog.getByRole("button", { name: "Close" }).last().click();

  guest = await desk.open();
  await guest.page.goto(link);
  await guest.page.getByLabel("Your name").fill("Grace");
  await guest.page.getByLabel("Password").fill(GUEST.password);
  await guest.page.getByRole("button", { name: "Continue" }).click();
  await guest.page.getByRole("link", { name: "Open the dashboard" }).click();
  await guest.page.getByRole("heading", { name: "Chatbots", level: 1 }).waitFor();
  await page.reload();
  await page.getByRole("table", { name: "Members" }).getByText("Grace", { exact: true }).waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("who may only look is offered nothing to change, and is told who may", async () => {
  const { page, problems } = guest;
  await page.goto(product.url + settings("members"));
  await page.getByText("Only owners change this.").waitFor();
  await page.getByRole("table", { name: "Members" }).getByText("Owner", { exact: true }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Invite somebody" }).count(), 0);
  await page.getByRole("tab", { name: "API keys" }).click();
  await page.getByRole("alert").getByText("role").waitFor();
  assert.deepEqual(problems.filter((problem) => !problem.includes("403")), []);
});

desk.step("a member's role is changed, and the member removed after being asked", async () => {
  const { page } = owner;
  const row = page.getByRole("row").filter({ hasText: "Grace" });
  await row.getByRole("combobox").selectOption("agent");
  await guest.page.goto(product.url + settings("members"));
  await guest.page.getByRole("row").filter({ hasText: "Grace" }).getByText("Agent").waitFor();

  await page.getByRole("row").filter({ hasText: "Ada" }).getByRole("combobox").selectOption("viewer");
  await page.getByRole("dialog").getByText("Only another owner").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Change my role" }).click();
  await page.getByRole("dialog").getByRole("alert").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();

  await row.getByRole("button", { name: /^Remove/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await row.waitFor({ state: "detached" });
  // That the last owner stays one is the API's to say, with 409.
  assert.deepEqual(owner.problems.splice(0).filter((problem) => !problem.includes("409")), []);
});

desk.step("a key is shown once, works until it is revoked, and says when it was used", async () => {
  const { page } = owner;
  await page.getByRole("tab", { name: "API keys" }).click();
  await page.getByText("No keys yet").waitFor();
  await page.getByRole("button", { name: "Make a key" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Nightly export");
  await dialog.getByRole("button", { name: "Make a key" }).click();
  const key = await dialog.locator("code").innerText();
  await clean(page, "a key");
  await picture(page, "key");
  await dialog.getByRole("button", { name: "Close" }).last().click();

  const used = () => fetch(`${product.url}/api/workspaces/${product.workspace}/chatbots`, { headers: { authorization: `Bearer ${key}` } });
  assert.equal((await used()).status, 200);
  await page.reload();
  const row = page.getByRole("row").filter({ hasText: "Nightly export" });
  await row.getByText(/seconds? ago|sec\. ago|now/).last().waitFor();
  assert.ok(!(await page.content()).includes(key), "the key is shown again");
  await row.getByRole("button", { name: /^Revoke/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await row.getByText("revoked").waitFor();
  assert.equal((await used()).status, 401);
  assert.deepEqual(owner.problems, []);
});

desk.step("what was done is written down, page after page", async () => {
  const { page } = owner;
  for (let number = 1; number <= 60; number += 1) await product.patch(`/api/workspaces/${product.workspace}`, { name: `Browser ${number}` });
  await page.getByRole("tab", { name: "Activity" }).click();
  const table = page.getByRole("table", { name: "Activity" });
  await table.getByText("Workspace renamed").first().waitFor();
  const before = await table.getByRole("row").count();
  while (await page.getByRole("button", { name: "Show more" }).count()) {
    const count = await table.getByRole("row").count();
    await page.getByRole("button", { name: "Show more" }).click();
    await page.waitForFunction((count) => document.querySelectorAll("tbody tr").length + 1 > count, count);
  }
  assert.ok((await table.getByRole("row").count()) > before, "there is one page only");
  await table.getByText("Member invited").waitFor();
  await table.getByText("API key revoked").waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("the workspace is given a name, and another workspace is made", async () => {
  const { page } = owner;
  await page.goto(product.url + settings("general"));
  await page.getByLabel("What the workspace is called").fill("Fern & Kettle");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await page.getByRole("heading", { name: "Fern & Kettle", level: 1 }).waitFor();
  await page.getByLabel("What the new one is called").fill("Second shop");
  await page.getByRole("button", { name: "Create it" }).click();
  await page.getByText("No chatbots yet").waitFor();
  assert.equal(await page.getByLabel("Workspace").locator("option:checked").innerText(), "Second shop");
  assert.deepEqual(owner.problems, []);
});

desk.step("a workspace and the installation have budgets", async () => {
  const { page } = owner;
  for (const path of [settings("budgets"), "/installation"]) {
    await page.goto(product.url + path);
    const budgets = page.getByRole("region", { name: "Budgets" });
    await budgets.getByText("No limit is set.").waitFor();
    await budgets.getByRole("button", { name: "Add a budget" }).click();
    await budgets.getByLabel("US dollars").fill("25");
    await budgets.getByRole("button", { name: "Save" }).click();
    await budgets.getByText("Saved.").waitFor();
    await budgets.getByText("Spent $0.00 and 0 tokens").waitFor();
    await page.reload();
    assert.equal(await budgets.getByLabel("US dollars").inputValue(), "$25");
  }
  assert.deepEqual(owner.problems, []);
});

desk.step("prices are kept by day, and the newest that has begun counts", async () => {
  const { page } = owner;
  const prices = page.getByRole("region", { name: "Prices of models" });
  const say = async (day, usd) => {
    await prices.getByRole("button", { name: "Say a price" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Model's name").fill("fern-1*");
    await dialog.getByLabel("From this day on").fill(day);
    await dialog.getByLabel("A million tokens read").fill(usd);
    await dialog.getByLabel("A million tokens written").fill("4");
    await clean(page, "a price");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
  };
  await say("2026-01-01", "1.5");
  await say("2026-02-01", "2.25");
  await say("2099-01-01", "9");
  await prices.getByLabel("Search").fill("fern-1");
  await prices.getByRole("row").filter({ hasText: "2099-01-01" }).waitFor();
  assert.match(await prices.getByRole("row").filter({ hasText: "counts now" }).innerText(), /2026-02-01[\s\S]*\$2\.25/);
  await prices.getByRole("button", { name: "Delete: fern-1*, 2099-01-01" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await prices.getByRole("row").filter({ hasText: "2099-01-01" }).waitFor({ state: "detached" });
  assert.deepEqual(owner.problems, []);
});

desk.everyPage(() => ({
  members: settings("members"), keys: settings("keys"), "workspace-budgets": settings("budgets"), activity: settings("activity"), general: settings("general"),
  account: "/account", installation: "/installation",
}));

desk.step("it speaks German, and a password is changed without a mouse", async () => {
  const { page, context, problems } = await desk.enter({ locale: "de-DE" });
  await page.goto(product.url + settings("members"));
  await page.getByRole("table", { name: "Mitglieder" }).getByText("Sie").waitFor();
  await page.getByRole("tab", { name: "Mitglieder" }).focus();
  for (const name of ["Posteingang", "API-Schlüssel"]) {
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tab", { name, selected: true }).waitFor();
    await settled(page);
  }
  await picture(page, "keys-german");

  await page.goto(`${product.url}/account`);
  await settled(page);
  await page.getByLabel("Jetziges Passwort").first().focus();
  await page.keyboard.type("not this one");
  await page.getByRole("textbox", { name: "Neues Passwort" }).focus();
  await page.keyboard.type("a third passphrase for Ada 3");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  await page.getByRole("textbox", { name: "Jetziges Passwort" }).fill(OWNER.password);
  await page.keyboard.press("Enter");
  await page.getByText("Geändert. Überall sonst sind Sie abgemeldet.").waitFor();
  // The other browser is out; this one goes on.
  await owner.page.goto(product.url);
  await owner.page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Ihr Konto" }).waitFor();
  await page.getByRole("main").getByRole("button", { name: "Abmelden" }).click();
  await page.getByRole("heading", { name: "Anmelden" }).waitFor();
  assert.deepEqual(problems.filter((problem) => !/40[13]|422/.test(problem)), []);
  await context.close();
});
