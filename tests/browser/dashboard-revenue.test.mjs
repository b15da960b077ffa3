// Plans and revenue: a plan is made and given, its limits are felt, its invoice is paid, and the figures are those of a known
// load. Stripe is played.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before } from "node:test";
import { clean, Desk, fits, picture, settled } from "./desk.mjs";
import { Product, QUESTION, until } from "./product.mjs";

const SIGNING = "whsec_of_the_played_stripe";
const product = new Product();
const desk = new Desk(product);
/** Plays Stripe: knows one key, makes one checkout, and remembers what it was for. */
const stripe = { checkouts: [] };
const played = createServer(async (request, response) => {
  let body = "";
  for await (const piece of request) body += piece;
  response.setHeader("content-type", "application/json");
  if (request.headers.authorization !== "Bearer sk_test_played_key") return response.writeHead(401).end(JSON.stringify({ error: { message: "Invalid API Key provided" } }));
  if (request.url.startsWith("/v1/prices")) return response.end(JSON.stringify({ object: "list", data: [] }));
  if (request.url !== "/v1/checkout/sessions") return response.writeHead(404).end(JSON.stringify({ error: { message: "Unrecognized request URL" } }));
  const wanted = new URLSearchParams(body);
  stripe.checkouts.push(Object.fromEntries(wanted));
  // The person pays at once and is sent back.
  return response.end(JSON.stringify({ id: "cs_test_1", object: "checkout.session", url: wanted.get("success_url") }));
});
let owner;
let bot;
const revenue = (part) => `/admin/revenue?part=${part}`;
const plan = () => `/workspaces/${product.workspace}/settings/plan`;

/** A dialog once it has faded in. */
async function cleanDialog(page, what) {
  await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState !== "running"));
  await clean(page, what);
}

/** Asks over the web chat, and waits for the answer. */
async function ask() {
  const call = async (path, body, token) => {
    const answer = await fetch(`${product.url}/api/chat/${bot}/${path}`, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) } });
    assert.ok(answer.ok, await answer.clone().text());
    return answer.json();
  };
  const { token } = await call("sessions", {});
  const accepted = await call("messages", { text: QUESTION }, token);
  return (accepted.reply ?? await until("it answers", async () => {
    const page = await (await fetch(`${product.url}/api/chat/${bot}/messages?after=${accepted.cursor}`, { headers: { authorization: `Bearer ${token}` } })).json();
    return page.items.find((message) => message.direction === "outbound");
  })).text;
}

/** Sends an event as Stripe does. */
async function tell(event) {
  const body = JSON.stringify(event);
  const at = Math.floor(Date.now() / 1000);
  const signature = createHmac("sha256", SIGNING).update(`${at}.${body}`).digest("hex");
  return fetch(`${product.url}/api/stripe/events`, { method: "POST", body, headers: { "content-type": "application/json", "stripe-signature": `t=${at},v1=${signature}` } });
}

before(async () => {
  played.listen(0, "127.0.0.1");
  await Promise.all([once(played, "listening"), desk.start()]);
  await product.start(undefined, undefined, [], { BOTSMITH__ADMIN_API__STRIPE_API_URL: `http://127.0.0.1:${played.address().port}/` });
  product.origins = [product.url];
  bot = await product.bot();
  owner = await desk.enter();
});
after(async () => {
  await desk.stop();
  played.close();
  played.closeAllConnections();
  await product.stop();
});

desk.step("without plans nothing is limited, and the page says how to begin", async () => {
  const { page } = owner;
  await page.goto(product.url + plan());
  await page.getByText("The workspace has no plan: nothing is limited, and nothing is charged.").waitFor();
  await page.goto(product.url + revenue("figures"));
  await page.getByText("Nobody pays yet").waitFor();
  await picture(page, "revenue-empty");
  await page.getByRole("main").getByRole("link", { name: "Plans" }).click();
  await page.getByText("No plans yet").waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("a plan is made and given to a workspace, which has its first invoice", async () => {
  const { page } = owner;
  await page.getByRole("button", { name: "Make a plan" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Team");
  await dialog.getByLabel("Price a month").fill("29");
  await dialog.getByLabel("Messages a month").fill("3");
  await dialog.getByLabel("Chatbots").fill("1");
  await cleanDialog(page, "making a plan");
  await picture(page, "revenue-make-plan");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("row").filter({ hasText: "Team" }).getByText("€29.00").waitFor();

  await page.getByRole("tab", { name: "Workspaces" }).last().click();
  await page.getByRole("button", { name: "Open: Browser" }).click();
  await page.getByLabel("Plan of the workspace").selectOption({ label: "Team · €29.00" });
  await page.getByRole("button", { name: "Give this plan" }).click();
  await page.getByText(/^Team, €29\.00 a month, from/).waitFor();
  await picture(page, "revenue-workspace");
  await clean(page, "a workspace's plan");
  assert.deepEqual(owner.problems, []);
});

desk.step("whoever makes one chatbot too many reads which limit of what plan, and what to do", async () => {
  const { page } = owner;
  await page.goto(`${product.url}/workspaces/${product.workspace}/new`);
  await page.locator("form").getByRole("textbox").fill("One too many");
  await page.getByRole("button", { name: "Next" }).click();
  const said = page.getByRole("alert");
  await said.getByText("the workspace's plan Team allows 1 chatbots, and 1 are there: archive one that is not needed, or choose a larger plan").waitFor();
  await picture(page, "plan-limit");
  await clean(page, "a limit that is reached");
  // The browser notes by itself that it was answered with 402.
  assert.deepEqual(owner.problems.splice(0).filter((problem) => !problem.includes("402")), []);
  await page.goto(`${product.url}/workspaces/${product.workspace}/chatbots`);
  await page.getByText("A limit of the plan is reached").waitFor();
  await page.getByRole("link", { name: "Plan and usage" }).click();
  await page.getByRole("region", { name: "Usage" }).getByText("1 of 1").waitFor();
});

desk.step("a message over the limit is answered with the bot's own words, and the page warns before", async () => {
  const { page } = owner;
  const { fallback_text } = await product.get(`/api/chatbots/${bot}`);
  const answers = [await ask(), await ask(), await ask(), await ask()];
  for (const answer of answers.slice(0, 3)) assert.match(answer, /9:00 to 17:00/);
  assert.equal(answers[3], fallback_text);
  // Nothing was lost: all four are there, for a human to answer.
  const { items } = await product.get(`/api/workspaces/${product.workspace}/conversations`);
  assert.equal(items.length, 4);

  await page.goto(product.url + plan());
  await page.getByRole("region", { name: "Usage" }).getByText("4 of 3").waitFor();
  await page.getByText("The messages of this month are used up.").waitFor();
  await picture(page, "plan-used-up");
  await clean(page, "a plan that is used up");
  assert.deepEqual(owner.problems, []);
});

desk.step("revenue shows what a known load brought", async () => {
  const { page } = owner;
  await page.goto(product.url + revenue("figures"));
  const now = page.getByRole("region", { name: "This month" });
  await now.getByText("1 paying").waitFor();
  const text = (await now.innerText()).replaceAll(/\s+/g, " ");
  for (const figure of ["€29.00 MRR", "€29.00 ARPU", "1 New €29.00", "0 Churned €0.00", "€29.00 Open invoices"]) assert.ok(text.includes(figure), `${figure} is not in ${text}`);
  await page.getByRole("figure", { name: "Revenue in EUR" }).locator("svg path.recharts-line-curve").first().waitFor();
  const last = page.getByRole("table", { name: "Month by month" }).getByRole("row").nth(1);
  assert.match((await last.innerText()).replaceAll(/\s+/g, " "), /€29\.00 €29\.00 1 0 €29\.00 €0\.00 \$0\.00$/);
  const table = await page.request.get(`${product.url}/api/administration/revenue.csv?months=1`);
  assert.match(await table.text(), /EUR,29\.00,1,29\.00,29\.00,1,0\.00,0,29\.00,0\.00,0/);

  // Models are paid for in dollars: with a rate the margin is known.
  await page.getByLabel("US dollars for one EUR").fill("2");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("tab", { name: "Workspaces" }).last().click();
  await page.getByRole("row").filter({ hasText: "Browser" }).getByText("$58.00", { exact: true }).waitFor();
  await picture(page, "revenue-workspaces");
  assert.deepEqual(owner.problems, []);
});

desk.step("an invoice that was paid is marked so, and its owner sees and keeps it", async () => {
  const { page } = owner;
  await page.goto(product.url + revenue("invoices"));
  await page.getByRole("button", { name: "Paid: INV-000001" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Browser has paid €29.00.").waitFor();
  await cleanDialog(page, "an invoice that is paid");
  await dialog.getByRole("button", { name: "Paid" }).click();
  await page.getByRole("row").filter({ hasText: "INV-000001" }).getByText(/^paid on /).waitFor();
  assert.equal(await page.getByRole("button", { name: "Take back: INV-000001" }).count(), 0);

  await page.goto(product.url + plan());
  const row = page.getByRole("table", { name: "Invoices" }).getByRole("row").filter({ hasText: "INV-000001" });
  await row.getByText("Paid", { exact: true }).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), row.getByRole("link", { name: "Download: INV-000001" }).click()]);
  assert.equal(download.suggestedFilename(), "INV-000001.html");
  assert.match(readFileSync(await download.path(), "utf8"), /Invoice INV-000001[\s\S]*Browser[\s\S]*29\.00 EUR/);
  assert.deepEqual(owner.problems, []);
});

desk.step("an owner cancels, changes their mind, and redeems a coupon", async () => {
  const { page } = owner;
  await page.goto(product.url + revenue("coupons"));
  await page.getByRole("button", { name: "Make a coupon" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Code").fill("spring-25");
  await dialog.getByRole("textbox", { name: "Per cent" }).fill("25");
  await cleanDialog(page, "making a coupon");
  await dialog.getByRole("button", { name: "Make a coupon" }).click();
  await page.getByRole("row").filter({ hasText: "SPRING-25" }).getByText("25%").waitFor();

  await page.goto(product.url + plan());
  await page.getByLabel("Coupon").fill("spring-25");
  await page.getByRole("button", { name: "Redeem" }).click();
  await page.getByText("It counts from the next invoice on.").waitFor();
  await page.getByRole("button", { name: "Cancel subscription" }).click();
  await cleanDialog(page, "cancelling");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel subscription" }).click();
  await page.getByRole("button", { name: "Go on after all" }).click();
  await page.getByRole("button", { name: "Cancel subscription" }).waitFor();
  assert.deepEqual(owner.problems, []);
});

desk.step("with Stripe a plan is bought, and counts when Stripe says so", async () => {
  const { page } = owner;
  await page.goto(product.url + revenue("stripe"));
  await page.getByLabel("Secret key").fill("sk_test_not_a_key");
  await page.getByLabel("Signing secret").fill(SIGNING);
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByRole("alert").getByText("Stripe does not accept this key").waitFor();
  assert.deepEqual(owner.problems.splice(0).filter((problem) => !problem.includes("422")), []);
  await page.getByLabel("Secret key").fill("sk_test_played_key");
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByText("Connected with test keys: no money moves.").waitFor();
  assert.equal(await page.getByText("sk_test_played_key").count(), 0);
  await product.post("/api/administration/plans", { name: "Business", price_minor: 9900, currency: "EUR", stripe_price: "price_team" });

  await page.goto(product.url + plan());
  await page.getByRole("button", { name: "Buy: Business" }).click();
  await page.getByText("Thank you. The plan counts as soon as Stripe has confirmed the payment").waitFor();
  assert.equal(stripe.checkouts[0]["line_items[0][price]"], "price_team");
  assert.equal(stripe.checkouts[0]["subscription_data[metadata][workspace_id]"], product.workspace);
  const event = JSON.parse(readFileSync(new URL("../../crates/stripe/fixtures/customer.subscription.updated.json", import.meta.url), "utf8"));
  const { object } = event.data;
  object.metadata.workspace_id = product.workspace;
  event.created = Math.floor(Date.now() / 1000);
  Object.assign(object.items.data[0], { current_period_start: event.created, current_period_end: event.created + 30 * 86_400 });
  object.items.data[0].price.unit_amount = 9900;
  assert.equal((await fetch(`${product.url}/api/stripe/events`, { method: "POST", body: JSON.stringify(event) })).status, 400);
  assert.deepEqual(await (await tell(event)).json(), { outcome: "followed" });
  await page.reload();
  await page.getByRole("region", { name: "Your plan" }).getByText("Business").waitFor();
  await until("there is room for a chatbot", async () => (await product.get(`/api/workspaces/${product.workspace}/plan`)).usage.every(({ level }) => level === "ok"));
  await picture(page, "plan-stripe");
  assert.deepEqual(owner.problems, []);
});

desk.everyPage(() => ({
  plan: plan(),
  ...Object.fromEntries(["figures", "workspaces", "invoices", "plans", "coupons", "stripe"].map((part) => [`revenue-${part}`, revenue(part)])),
  "revenue-one": `/admin/revenue?part=workspaces&workspace=${product.workspace}`,
}));

desk.step("it speaks German, and is gone through without a mouse", async () => {
  const { page, context, problems } = await desk.enter({ locale: "de-DE" });
  await page.goto(product.url + revenue("figures"));
  await page.getByRole("region", { name: "Dieser Monat" }).getByText("1 bezahlen").waitFor();
  await picture(page, "revenue-german");
  await page.getByRole("tab", { name: "Zahlen" }).focus();
  for (const name of ["Arbeitsbereiche", "Rechnungen", "Tarife", "Gutscheine", "Stripe"]) {
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tab", { name, selected: true }).waitFor();
    await settled(page);
  }
  await page.goto(product.url + plan());
  await page.getByRole("region", { name: "Ihr Tarif" }).getByText("Business").waitFor();
  await fits(page, "the plan in German");
  await picture(page, "plan-german");
  assert.deepEqual(problems, []);
  await context.close();
});
