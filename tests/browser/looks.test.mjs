// How it looks, to eyes and to everything else that reads a page.

import AxeBuilder from "@axe-core/playwright";
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { gzipSync } from "node:zlib";
import { until } from "./product.mjs";
import { cable, foreign, model, product, scene, site, start, stop, visit } from "./stage.mjs";

const SETTINGS = {
  name: "Fern & Kettle", welcome: "Hi! Ask me anything about plants, tea or your order.", colour: "#0b6b4f",
  suggestions: [
    { title: "Opening hours", value: "What are your opening hours?" }, { title: "Delivery", value: "How long does delivery take?" },
    { title: "Returns", value: "How do I return something?" },
  ],
};
const PRE_CHAT = {
  ...SETTINGS,
  pre_chat: [
    { name: "name", type: "text", label: null, required: false }, { name: "email", type: "email", label: null, required: true },
    { name: "phone", type: "phone", label: "Phone, for call-backs", required: false },
  ],
  consent: "I agree that my details are kept to answer me. [Privacy](https://fern.example/privacy)",
};

let pictures;
async function picture(widget, name) {
  if (!process.env.PICTURES) return;
  if (!pictures) mkdirSync((pictures = process.env.PICTURES), { recursive: true });
  await widget.page.screenshot({ path: `${pictures}/${name}.png` });
}

/** Nothing that automatic tests of accessibility find. */
async function clean(widget, what) {
  const found = await new AxeBuilder({ page: widget.page }).include("#botsmith-widget").setLegacyMode(true).analyze();
  const words = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`);
  assert.deepEqual(words, [], what);
}

let greeting;
let asking;
before(async () => {
  await start();
  model.plan("nothing", [
    "We are **open** Monday to Friday:", "- 9:00 to 17:00 in the shop\n- around the clock in the [web shop](https://fern.example)",
    "On public holidays we are closed. [1]",
  ].join("\n\n"));
  [greeting, asking] = await Promise.all([product.bot(SETTINGS), product.bot(PRE_CHAT)]);
});
after(stop);

scene("it says hello, and asks with one press what is asked most", async (t) => {
  const widget = await (await visit(t, { bot: greeting })).open();
  assert.equal(await widget.root.getByRole("heading").innerText(), "Fern & Kettle");
  assert.match((await widget.texts())[0], /^Bot|Hi! Ask me anything/);
  assert.deepEqual(await widget.choices.allInnerTexts(), ["Opening hours", "Delivery", "Returns"]);
  await picture(widget, "welcome-light");

  await widget.choices.first().click();

  await widget.said("you", "What are your opening hours?").waitFor();
  await widget.said("bot", "9:00 to 17:00").waitFor();
  assert.equal(await widget.choices.count(), 0);
  assert.equal(await widget.text.evaluate((node) => node.getRootNode().activeElement === node), true);
  await picture(widget, "conversation");
  await widget.page.reload();
  await widget.said("bot", "9:00 to 17:00").waitFor();
  assert.equal(await widget.choices.count(), 0);
  assert.equal((await widget.texts()).length, 3);
});

for (const colorScheme of ["light", "dark"]) {
  scene(`it is accessible, ${colorScheme}`, async (t) => {
    const widget = await visit(t, { bot: greeting, browser: { colorScheme } });
    await widget.launcher.waitFor();
    await clean(widget, "closed");
    await widget.open();
    await clean(widget, "open");
    const { text, token } = product.question();
    model.plan(token, [
      `We are **open** from Monday to Friday, see \`${token}\`:`, "- 9:00 to 17:00 in the shop\n- around the clock in the [web shop](https://fern.example)",
      "> Closed on public holidays", "```\nopen(9, 17)\n```", "[1]",
    ].join("\n\n"));
    await widget.write(text);
    await widget.said("bot", token).waitFor();
    await clean(widget, "with an answer");
    await picture(widget, `conversation-${colorScheme}`);
    await widget.page.route("**/messages", (route) => route.fulfill({ status: 422, contentType: "application/problem+json", body: '{"detail":"text: is odd"}', headers: { "access-control-allow-origin": site.url } }));
    await widget.write("Hello?");
    await widget.root.getByRole("alert").filter({ hasText: "Not sent. text: is odd" }).waitFor();
    await widget.write("x".repeat(601));
    await widget.state.filter({ hasText: "too long" }).waitFor();
    await clean(widget, "with errors");
    await picture(widget, `error-${colorScheme}`);
    await widget.page.unroute("**/messages");
    await widget.root.getByRole("button", { name: "Try again" }).click();
    await widget.root.getByRole("alert").waitFor({ state: "detached" });
  });

  scene(`its form is accessible, ${colorScheme}`, async (t) => {
    const widget = await (await visit(t, { bot: asking, browser: { colorScheme } })).open();
    await widget.form.waitFor();
    await clean(widget, "form");
    await picture(widget, `form-${colorScheme}`);
    await widget.root.getByRole("textbox", { name: "E-mail" }).fill("ada");
    await widget.root.getByRole("button", { name: "Start chat" }).click();
    await widget.form.getByText("That is no e-mail address.").waitFor();
    await clean(widget, "form with errors");
    await picture(widget, `form-errors-${colorScheme}`);
  });
}

scene("visitors say who they are and agree before they write, and their owner sees it", async (t) => {
  const widget = await (await visit(t, { bot: asking })).open();
  const email = widget.root.getByRole("textbox", { name: "E-mail" });
  const start = widget.root.getByRole("button", { name: "Start chat" });
  await widget.form.waitFor();
  assert.equal(await widget.text.isVisible(), false);

  await start.click();
  assert.equal(await widget.form.getByText("Please fill this in.").count(), 1);
  assert.equal(await email.evaluate((node) => node.getRootNode().activeElement === node), true);
  assert.equal(await email.getAttribute("aria-invalid"), "true");
  await email.fill("ada@lovelace.example");
  await start.click();
  await widget.form.getByText("Please tick this box.").waitFor();
  await widget.root.getByRole("textbox", { name: "Phone, for call-backs" }).fill("call me");
  await widget.root.getByRole("checkbox").check();
  await start.click();
  await widget.form.getByText("That is no phone number.").waitFor();
  await widget.root.getByRole("textbox", { name: "Phone, for call-backs" }).fill("+44 20 7946 0000");
  await widget.root.getByRole("textbox", { name: "Name" }).fill("Ada Lovelace");
  assert.equal(await widget.form.getByRole("link").getAttribute("href"), "https://fern.example/privacy");
  await start.click();

  await widget.text.waitFor();
  await widget.ask();
  const { items } = await product.get(`/api/workspaces/${product.workspace}/conversations`);
  const { contact } = await product.get(`/api/conversations/${items.find(({ chatbot_id }) => chatbot_id === asking).id}`);
  assert.deepEqual([contact.name, contact.email, contact.phone], ["Ada Lovelace", "ada@lovelace.example", "+44 20 7946 0000"]);
  assert.ok(Date.parse(contact.consented_at) > Date.now() - 600_000);
  await widget.page.reload();
  await widget.text.waitFor();
  assert.equal(await widget.form.count(), 0);
});

scene("what the server finds wrong with what was filled in stands beside its field, and may be mended", async (t) => {
  const widget = await (await visit(t, { bot: asking })).open();
  const email = widget.root.getByRole("textbox", { name: "E-mail" });
  const refusal = { status: 422, contentType: "application/problem+json", body: '{"detail":"lead: email has to be an e-mail address"}', headers: { "access-control-allow-origin": site.url } };
  await widget.page.route("**/sessions", (route) => route.fulfill(refusal), { times: 1 });
  await email.fill("ada@lovelace.example");
  await widget.root.getByRole("checkbox").check();
  await widget.root.getByRole("button", { name: "Start chat" }).click();
  await widget.form.getByText("That is no e-mail address.").waitFor();
  assert.equal(await email.getAttribute("aria-invalid"), "true");

  await email.fill("ada@byron.example");
  assert.equal(await email.getAttribute("aria-invalid"), null);
  await widget.root.getByRole("button", { name: "Start chat" }).click();

  await widget.text.waitFor();
  await widget.ask();
});

scene("it looks as its owner wants", async (t) => {
  const bot = await product.bot({ ...SETTINGS, colour: "#ffcc00", position: "left", theme: "dark", language: "de", texts: { de: { title: "Frag uns", placeholder: "Was gibt’s?" } } });
  const logo = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
  await product.put(`/api/chatbots/${bot}/widget/logo`, logo);
  const widget = await (await visit(t, { bot })).open();
  const style = (locator, name) => locator.evaluate((node, property) => getComputedStyle(node)[property], name);

  assert.equal(await widget.root.getByRole("heading").innerText(), "Frag uns");
  assert.equal(await widget.text.getAttribute("placeholder"), "Was gibt’s?");
  assert.equal(await widget.send.getAttribute("aria-label"), "Senden");
  assert.equal(await style(widget.launcher, "backgroundColor"), "rgb(255, 204, 0)");
  assert.equal(await style(widget.launcher, "color"), "rgb(0, 0, 0)", "white cannot be read on yellow");
  assert.equal(await style(widget.panel, "backgroundColor"), "rgb(22, 26, 34)");
  assert.ok((await widget.launcher.boundingBox()).x < 100);
  assert.equal(await widget.root.locator(".head img").evaluate((image) => image.complete && image.naturalWidth), 1);
  await clean(widget, "in the owner's colour");
  await picture(widget, "owner-yellow-dark-left");
  assert.deepEqual(widget.visitor.problems, []);
});

scene("it speaks the page's language, German, or that of its script", async (t) => {
  const widget = await (await visit(t, { language: "de-AT" })).open();

  assert.equal(await widget.launcher.getAttribute("aria-label"), "Chat schließen");
  assert.equal(await widget.text.getAttribute("placeholder"), "Nachricht schreiben…");
  assert.equal(await widget.root.locator(".root").getAttribute("lang"), "de");
  const french = await visit(t, { language: "de", data: { language: "fr-CA" } });
  await french.launcher.waitFor();
  assert.equal(await french.launcher.getAttribute("aria-label"), "Ouvrir le chat", "the script's own attribute counts more");
});

scene("it speaks Arabic, from right to left", async (t) => {
  const widget = await (await visit(t, { bot: greeting, language: "ar" })).open();
  const { text, token } = product.question();
  model.plan(token, `نحن **مفتوحون** من الاثنين إلى الجمعة، من 9:00 إلى 17:00. ${token} [1]`);
  await widget.write(`ما هي ساعات العمل؟ ${text}`);
  await widget.said("bot", token).waitFor();

  const [mine, theirs] = await Promise.all([widget.said("you", token).boundingBox(), widget.said("bot", token).boundingBox()]);
  assert.ok(mine.x < theirs.x + theirs.width - mine.width, "what the visitor wrote stands on the left");
  assert.equal(await widget.root.locator(".root").getAttribute("dir"), "rtl");
  const [send, field] = await Promise.all([widget.send.boundingBox(), widget.text.boundingBox()]);
  assert.ok(send.x < field.x, "the button stands at the line's end");
  await clean(widget, "Arabic");
  await picture(widget, "arabic");
});

scene("on a small screen it takes all of it, and keeps the keyboard", async (t) => {
  const widget = await (await visit(t, { bot: greeting, browser: { viewport: { width: 360, height: 640 }, colorScheme: "dark" } })).open();
  await widget.choices.first().click();
  await widget.said("bot", "9:00 to 17:00").waitFor();

  const box = await widget.panel.boundingBox();
  assert.deepEqual([box.x, box.y, box.width, box.height], [0, 0, 360, 640]);
  assert.equal(await widget.launcher.isVisible(), false);
  assert.equal(await widget.panel.getAttribute("aria-modal"), "true");
  assert.ok(await widget.page.evaluate(() => document.documentElement.scrollWidth <= 360), "nothing sticks out");
  for (const key of [...Array(8).fill("Tab"), ...Array(8).fill("Shift+Tab")]) {
    await widget.page.keyboard.press(key);
    assert.equal(await widget.page.evaluate(() => document.activeElement.id), "botsmith-widget", `${key} leads out of it`);
  }
  await clean(widget, "small");
  await picture(widget, "small-dark");
  await widget.page.reload();
  await widget.launcher.waitFor();
  assert.equal(await widget.panel.isVisible(), false, "the next page is not covered by itself");
});

scene("everything can be done with the keyboard, and the focus goes back", async (t) => {
  const widget = await visit(t, { bot: greeting });
  await widget.launcher.waitFor();
  const focused = () => widget.page.evaluate(() => {
    const node = document.activeElement.shadowRoot?.activeElement || document.activeElement;
    return node.getAttribute("aria-label") || node.textContent;
  });

  await widget.page.keyboard.press("Tab");
  assert.equal(await focused(), "Read more");
  await widget.page.keyboard.press("Tab");
  assert.equal(await focused(), "Open chat");
  await widget.page.keyboard.press("Enter");
  await widget.panel.waitFor();
  assert.equal(await focused(), "Write a message…");
  const { text, token } = product.question();
  await widget.page.keyboard.type(`${text} /`);
  await widget.page.keyboard.press("Shift+Enter");
  await widget.page.keyboard.type("Thanks");
  await widget.page.keyboard.press("Enter");
  await widget.said("bot", token).waitFor();
  assert.match(await widget.said("you", token).innerText(), /\nThanks$/);
  await widget.page.keyboard.press("Shift+Tab");
  assert.equal(await focused(), "Attach a file");
  for (const rating of ["Bad answer", "Good answer"]) {
    await widget.page.keyboard.press("Shift+Tab");
    assert.equal(await focused(), rating);
  }
  await widget.page.keyboard.press("Shift+Tab");
  assert.equal(await focused(), "Fern & Kettle", "what was said can be scrolled");
  await widget.page.keyboard.press("Escape");
  await widget.panel.waitFor({ state: "hidden" });
  assert.equal(await focused(), "Open chat");
  assert.deepEqual(await widget.page.evaluate(() => window.keys), ["Tab", "Tab"], "the page hears what is typed in the widget");
});

scene("a screen reader hears each answer once it is whole", async (t) => {
  const widget = await (await visit(t, { bot: greeting })).open();
  await widget.ask();
  const heard = await widget.root.locator("[aria-live=polite]").evaluateHandle((node) => {
    const all = [];
    new MutationObserver(() => node.textContent && all.push(node.textContent)).observe(node, { childList: true, characterData: true, subtree: true });
    return all;
  });
  const { text, token } = product.question();
  const answer = model.plan(token, "We are ", `**here**, ${token}`);
  await widget.write(text);
  await widget.draft.waitFor();
  answer.next();
  await widget.said("bot", token).waitFor();

  assert.deepEqual(await heard.jsonValue(), ["Writing an answer…", `New message: Answer: We are here, ${token}`]);
  assert.equal(await widget.log.getAttribute("aria-live"), "off", "not every word of a draft");
  assert.equal(await widget.state.getAttribute("role"), "status");
  assert.equal(await widget.launcher.getAttribute("aria-expanded"), "true");
});

scene("a page with hostile styles and a strict policy shows the same widget, and is left as it was", async (t) => {
  const [calm, hostile] = await Promise.all(["calm", "hostile"].map(async (look) => visit(t, { bot: greeting, look })));
  for (const widget of [calm, hostile]) {
    await widget.launcher.waitFor();
    const on = await widget.launcher.evaluate((node) => {
      const { x, y, width, height } = node.getBoundingClientRect();
      return document.elementFromPoint(x + width / 2, y + height / 2)?.id;
    });
    assert.equal(on, "botsmith-widget", "something lies upon the button");
    await widget.open();
    const question = { text: "What are your opening hours?", token: "9:00 to 17:00" };
    await widget.ask(question);
  }
  const looks = (widget) => widget.root.locator(".root, .root *").evaluateAll((nodes) => nodes.map((node) => {
    const style = getComputedStyle(node);
    const box = node.getBoundingClientRect();
    return [node.className, style.font, style.color, style.backgroundColor, style.letterSpacing, style.opacity, style.visibility, style.textTransform,
      ...[box.x, box.y, box.width, box.height].map(Math.round)].join(" ");
  }));
  await picture(hostile, "hostile");

  // The signs of writing go a moment after the answer has come.
  const same = async () => isDeepStrictEqual(await looks(hostile), await looks(calm));
  await until("both to look the same", same).catch(() => {});
  assert.deepEqual(await looks(hostile), await looks(calm));
  assert.equal(await calm.page.locator("#own").evaluate((node) => getComputedStyle(node).font), 'normal normal normal normal 17px / 27.2px Georgia, serif'.replace("normal normal normal normal ", ""));
  assert.deepEqual(await calm.page.evaluate(() => [document.styleSheets.length, document.adoptedStyleSheets.length, Object.keys(window).filter((name) => /botsmith|TEXTS|viewOf/.test(name))]), [1, 0, []]);
  assert.deepEqual([...calm.visitor.problems, ...hostile.visitor.problems], []);
});

scene("on a site that its owner has not allowed there is no widget, and the page is well", async (t) => {
  const widget = await visit(t, { at: foreign });
  const problems = widget.visitor.problems;
  const why = await until("the console says why", () => problems.find((problem) => problem.includes("BotSmith")));

  assert.match(why, new RegExp(`does not start.*${foreign.url}.*allowed origins`));
  assert.equal(await widget.root.count(), 0);
  assert.equal(await widget.page.evaluate(() => window.works), true);
  assert.equal(await widget.page.locator("#own").isVisible(), true);
  assert.deepEqual(problems.filter((problem) => problem.startsWith("error:") && !/BotSmith|CORS policy|Failed to load resource/.test(problem)), []);
});

scene("a page that does not wait for it is as fast as before: the script is small", async () => {
  const script = Buffer.from(await (await fetch(`${cable.url}/widget.js`)).arrayBuffer());
  const size = gzipSync(script).length;

  assert.ok(size < 30_000, `${size} bytes`);
  assert.doesNotMatch(script.toString(), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/);
});
