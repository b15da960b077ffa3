// Knowledge that is brought in every way, behaviour that is kept as it was set, and runs that are stopped.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before } from "node:test";
import { clean, Desk, picture, settled } from "./desk.mjs";
import { Model } from "./model.mjs";
import { Product, QUESTION, until } from "./product.mjs";

const product = new Product();
const desk = new Desk(product);
const model = new Model();
const pages = {
  "/": "<title>Fern</title><h1>Fern</h1><p>We sell kettles and ferns of every size.</p><a href='/care'>Care</a>",
  "/care": "<title>Care</title><h1>Care</h1><p>Water the ferns on Mondays with rain water.</p>",
};
const site = createServer((request, response) => {
  const page = pages[request.url];
  response.writeHead(page ? 200 : 404, { "content-type": "text/html" }).end(page && `<!doctype html><html lang="en"><body>${page}</body></html>`);
});
let owner;
let bot;
const at = (tab) => `${product.url}/chatbots/${bot}/${tab}`;

before(async () => {
  site.listen(0, "127.0.0.1");
  await Promise.all([once(site, "listening"), model.start(), desk.start()]);
  await product.start(undefined, model.url, [], { BOTSMITH__INDEXER__ALLOWED_PRIVATE_CIDRS: "127.0.0.0/8" });
  bot = (await product.post(`/api/workspaces/${product.workspace}/chatbots`, { name: "Shop help" })).id;
  owner = await desk.enter();
});
after(async () => {
  await desk.stop();
  model.stop();
  site.close();
  site.closeAllConnections();
  await product.stop();
});

desk.step("files are dragged in, several at once, and one that cannot be read says why", async () => {
  const { page } = owner;
  await page.goto(at("knowledge"));
  await page.getByRole("tab", { name: "File" }).click();
  const files = await page.evaluateHandle(() => {
    const dropped = new DataTransfer();
    dropped.items.add(new File(["# Returns\n\nReturn anything within 30 days.\n"], "returns.md", { type: "text/markdown" }));
    dropped.items.add(new File(["# Repairs\n\nRepairs take a week.\n"], "repairs.md", { type: "text/markdown" }));
    return dropped;
  });
  const place = page.locator(".drop");
  await place.dispatchEvent("dragover", { dataTransfer: files });
  await page.locator(".drop[data-over]").waitFor();
  await place.dispatchEvent("drop", { dataTransfer: files });
  const sources = page.getByRole("table", { name: "Sources" });
  await sources.getByText("returns").waitFor();
  await sources.getByText("repairs").waitFor();
  await sources.getByText("Ready").nth(1).waitFor();
  assert.equal(await page.locator(".drop[data-over]").count(), 0);
  assert.deepEqual(owner.problems.splice(0), []);

  await page.locator("input[type=file]").setInputFiles([
    { name: "strange.exe", mimeType: "application/octet-stream", buffer: Buffer.from([77, 90, 0, 1]) },
    { name: "late.md", mimeType: "text/markdown", buffer: Buffer.from("# Late\n\nWe answer late messages in the morning.\n") },
  ]);
  await page.getByRole("alert").getByText("strange.exe").waitFor();
  await sources.getByText("late").waitFor();
  // That it cannot be read is answered with 4xx.
  assert.deepEqual(owner.problems.splice(0).filter((problem) => !/ 4\d\d /.test(problem)), []);
});

desk.step("a page is read, and a whole site along its links", async () => {
  const { page } = owner;
  const home = `http://127.0.0.1:${site.address().port}/`;
  await page.getByRole("tab", { name: "Web page" }).click();
  await page.getByLabel("Address").fill(`${home}care`);
  await page.getByLabel("Read again").selectOption({ label: "Every week" });
  await page.getByRole("button", { name: "Add", exact: true }).click();
  const sources = page.getByRole("table", { name: "Sources" });
  await until("the page is read", async () => (await product.get(`/api/chatbots/${bot}/sources`)).items.some((one) => one.kind === "site" && one.state === "ready" && one.refresh_hours === 168));
  await page.getByLabel("Address").fill(home);
  await page.getByRole("checkbox", { name: "Read the whole site, following its links" }).click();
  await page.getByLabel("Pages at most").fill("20");
  await clean(page, "a site");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await until("the site is read", async () => (await product.get(`/api/chatbots/${bot}/sources`)).items.some((one) => one.kind === "site" && one.state === "ready" && one.documents === 2));
  await sources.getByText("documents: 2").waitFor();
  await page.reload();
  await settled(page);
  await sources.getByRole("button", { name: /^Read again/ }).first().click();
  await picture(page, "sources");
  assert.deepEqual(owner.problems, []);
});

desk.step("a model of its own is kept with its fallback, and the keys stay without being shown", async () => {
  const { page } = owner;
  await page.goto(at("behaviour"));
  const section = page.getByRole("region", { name: "Model", exact: true });
  await section.getByRole("switch", { name: "A model of its own" }).click();
  await section.getByRole("textbox", { name: "Model's name" }).fill("gpt-first");
  await section.locator("input[type=password]").fill("sk-first-1111");
  await section.getByRole("button", { name: "Add a fallback" }).click();
  const fallback = section.getByRole("group", { name: "Asked when the one before fails (1)" });
  await fallback.getByLabel("Provider").selectOption("anthropic");
  await fallback.getByRole("textbox", { name: "Model's name" }).fill("claude-second");
  await fallback.locator("input[type=password]").fill("sk-second-2222");
  await clean(page, "a model and its fallback");
  await section.getByRole("button", { name: "Save" }).click();
  await section.getByText("Saved: it answers like this from now on.").waitFor();
  await page.reload();
  await settled(page);
  await section.getByText("1111 is stored").waitFor();
  await section.getByText("2222 is stored").waitFor();
  await section.getByRole("textbox", { name: "Model's name" }).first().fill("gpt-third");
  await section.getByRole("button", { name: "Save" }).click();
  await section.getByText("Saved: it answers like this from now on.").waitFor();
  const { model: kept } = await product.get(`/api/chatbots/${bot}`);
  assert.deepEqual([kept.model, kept.api_key?.slice(-4), kept.fallbacks[0].model, kept.fallbacks[0].api_key?.slice(-4)], ["gpt-third", "1111", "claude-second", "2222"]);
  assert.deepEqual(owner.problems, []);
});

desk.step("search, hand-off, links and budgets are as they were saved", async () => {
  const { page } = owner;
  const search = page.getByRole("region", { name: "Searching" });
  await search.getByRole("checkbox", { name: "How sure it must be: as usual" }).click();
  await search.getByRole("slider", { name: "How sure it must be" }).press("ArrowRight");
  await search.getByLabel("Passages an answer may rest on").fill("4");
  await search.getByRole("button", { name: "Save" }).click();
  await search.getByText("Saved: it answers like this from now on.").waitFor();

  const handoff = page.getByRole("region", { name: "Handing over to a human" });
  await handoff.getByRole("switch", { name: "When somebody asks for a human" }).click();
  await handoff.getByLabel("Words on which it hands over").first().fill("refund");
  await page.keyboard.press("Enter");
  await handoff.getByLabel("After so many unanswered questions in a row").fill("3");
  await handoff.getByRole("button", { name: "Save" }).click();
  await handoff.getByText("Saved: it answers like this from now on.").waitFor();

  const links = page.getByRole("region", { name: "Links" });
  await links.getByLabel("Hosts").first().fill("shop.example.com");
  await page.keyboard.press("Enter");
  await links.getByRole("button", { name: "Save" }).click();
  await links.getByText("Saved: it answers like this from now on.").waitFor();

  const budgets = page.getByRole("region", { name: "Budgets" });
  for (const [number, dollars] of [[1, "25"], [2, "1"]]) {
    await budgets.getByRole("button", { name: "Add a budget" }).click();
    const budget = budgets.getByRole("group", { name: `Budget ${number}` });
    if (number === 2) await budget.getByLabel("Whose").selectOption("visitor");
    await budget.getByLabel("US dollars").fill(dollars);
  }
  await budgets.getByRole("button", { name: "Save" }).click();
  await budgets.getByText("Saved.").waitFor();

  await page.reload();
  await settled(page);
  await search.getByText("0.45").waitFor();
  assert.equal(await search.getByLabel("Passages an answer may rest on").inputValue(), "4");
  await handoff.getByText("refund", { exact: true }).waitFor();
  await links.getByText("shop.example.com", { exact: true }).waitFor();
  assert.equal(await handoff.getByLabel("After so many unanswered questions in a row").inputValue(), "3");
  assert.equal(await budgets.getByRole("group", { name: "Budget 2" }).getByLabel("Whose").inputValue(), "visitor");
  assert.equal(await budgets.getByRole("group", { name: "Budget 2" }).getByLabel("US dollars").inputValue(), "$1");
  await budgets.getByRole("button", { name: "Remove: Budget 2" }).click();
  await budgets.getByRole("button", { name: "Save" }).click();
  await budgets.getByText("Saved.").waitFor();
  assert.equal((await product.get(`/api/chatbots/${bot}/budgets`)).items.length, 1);
  assert.deepEqual(owner.problems, []);
});

desk.step("a run is cancelled while it waits for the model", async () => {
  const { page } = owner;
  const own = page.getByRole("region", { name: "Model", exact: true });
  await own.getByRole("switch", { name: "A model of its own" }).click();
  await own.getByRole("button", { name: "Save" }).click();
  await own.getByText("Saved: it answers like this from now on.").waitFor();
  await product.post(`/api/chatbots/${bot}/sources`, { title: "Opening hours", text: `# ${QUESTION}\n\nWe are open Monday to Friday from 9:00 to 17:00.` });
  await until("it is indexed", async () => (await product.get(`/api/chatbots/${bot}/sources`)).items.every((one) => ["ready", "failed"].includes(one.state)));
  // Where US dollars are limited, a model without a price is not asked.
  await product.put(`/api/chatbots/${bot}/budgets`, { budgets: [] });
  const { text, token } = product.question();
  await product.post(`/api/chatbots/${bot}/golden-questions`, { question: text, words: ["open"] });
  const answer = model.plan(token, "We are ", "open [1]");
  await page.goto(at("quality"));
  await page.getByRole("button", { name: "Run now" }).click();
  const runs = page.getByRole("table", { name: "Runs" });
  await until("the model is asked", () => model.asked(token));
  await runs.getByRole("button", { name: "Cancel" }).click();
  await runs.getByText("Cancelled").waitFor();
  answer.next();
  assert.deepEqual(owner.problems, []);
});
