// What is said, and that nothing of it is lost or said twice.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before } from "node:test";
import { cable, model, product, scene, start, stop, visit, visitor } from "./stage.mjs";

before(start);
after(stop);

scene("an answer is shown while it is written, and names its sources", async (t) => {
  const widget = await (await visit(t)).open();
  await widget.ask();
  const { text, token } = product.question();
  const answer = model.plan(token, "We are **open** from about", ` 9 to 17, see ${token}`, " [1]");

  await widget.write(text);
  await widget.said("you", token).waitFor();
  await widget.draft.filter({ hasText: "We are open from" }).waitFor();
  assert.equal(await widget.said("bot", "We are open from").count(), 0, "a draft is no message yet");
  answer.next();
  await widget.draft.filter({ hasText: "9 to 17" }).waitFor();
  answer.next();

  const said = widget.said("bot", token);
  await said.waitFor();
  await widget.draft.waitFor({ state: "detached" });
  assert.equal(await said.locator("strong").innerText(), "open");
  assert.deepEqual(await said.locator(".sources li").allInnerTexts(), ["Opening hours"]);
  assert.ok(!(await said.innerText()).includes("[1]"), "a marker is left");
  assert.equal(await widget.typing.count(), 0);
  assert.deepEqual(widget.visitor.problems, []);
});

scene("the visitor sees that an answer is on its way", async (t) => {
  const widget = await (await visit(t)).open();
  const { text, token } = product.question();
  const answer = model.plan(token, "", `Done: ${token}`);

  await widget.write(text);
  await widget.typing.waitFor();
  assert.match(await widget.typing.innerText(), /Writing an answer/);
  answer.next();

  await widget.said("bot", token).waitFor();
  assert.equal(await widget.typing.count(), 0);
});

scene("a page that is loaded again, and the site's next page, go on with the conversation", async (t) => {
  const widget = await (await visit(t)).open();
  const one = await widget.ask();
  const two = await widget.ask();
  const before = await widget.texts();
  assert.equal(before.length, 4);

  await widget.page.reload();
  await widget.said("bot", two.token).waitFor();
  assert.deepEqual(await widget.texts(), before);
  assert.ok(await widget.panel.isVisible(), "it was open");

  const next = await visit(t, { as: widget.visitor, path: "/tea" });
  await next.said("bot", two.token).waitFor();
  assert.deepEqual(await next.texts(), before);
  const three = await next.ask();
  assert.deepEqual((await next.texts()).map((text) => text.match(/TOKEN\d+/)[0]), [one, one, two, two, three, three].map(({ token }) => token));
});

scene("a page that is left in the middle of an answer has all of it on the next", async (t) => {
  const widget = await (await visit(t)).open();
  await widget.ask();
  const { text, token } = product.question();
  const answer = model.plan(token, "It is ", `so: ${token}`);

  await widget.write(text);
  await widget.draft.waitFor();
  await widget.page.reload();
  await widget.typing.or(widget.draft).first().waitFor();
  answer.next();

  await widget.said("bot", token).waitFor();
  assert.equal((await widget.texts()).length, 4);
  assert.equal(model.asked(token), 1);
});

scene("a connection that is cut in the middle of an answer is taken up again", async (t) => {
  const widget = await (await visit(t)).open();
  await widget.ask();
  const { text, token } = product.question();
  const answer = model.plan(token, "It is ", `so: ${token}`);

  await widget.write(text);
  await widget.draft.waitFor();
  cable.cut();
  await widget.state.filter({ hasText: "Connecting again" }).waitFor();
  answer.next();
  cable.mend();

  await widget.said("bot", token).waitFor();
  await widget.draft.waitFor({ state: "detached" });
  assert.equal((await widget.texts()).length, 4);
  assert.equal(await widget.state.innerText(), "");
  assert.equal(model.asked(token), 1);
});

scene("what is written while there is no network is sent once there is, in its order", async (t) => {
  const widget = await (await visit(t)).open();
  await widget.ask();
  const [one, two] = [product.question(), product.question()];

  cable.cut();
  await widget.visitor.context.setOffline(true);
  await widget.write(one.text);
  await widget.write(two.text);
  await widget.state.filter({ hasText: "offline" }).waitFor();
  await widget.root.locator(".note").filter({ hasText: "Sending" }).first().waitFor();
  cable.mend();
  await widget.visitor.context.setOffline(false);

  await widget.said("bot", two.token).waitFor();
  const mine = await widget.root.locator(".row.you .message").allInnerTexts();
  assert.deepEqual(mine.slice(1).map((text) => text.match(/TOKEN\d+/)[0]), [one.token, two.token]);
  assert.equal(await widget.root.locator(".note").count(), 0);
});

scene("a message whose confirmation was lost is sent again and is one message", async (t) => {
  const widget = await (await visit(t)).open();
  const { text, token } = product.question();
  let lost = false;
  await widget.page.route("**/messages", async (route) => {
    if (lost || route.request().method() !== "POST") return route.continue();
    lost = true;
    await route.fetch();
    return route.abort();
  });

  await widget.write(text);
  await widget.said("bot", token).waitFor();

  await widget.root.locator(".note").first().waitFor({ state: "detached" });
  assert.ok(lost);
  assert.equal((await widget.texts()).length, 2);
  assert.equal(model.asked(token), 1);
  await widget.page.reload();
  await widget.said("bot", token).waitFor();
  assert.equal((await widget.texts()).length, 2);
});

scene("two tabs show one conversation", async (t) => {
  const one = await (await visit(t)).open();
  const two = await (await visit(t, { as: one.visitor, path: "/tea" })).open();

  const first = await one.ask();
  await two.said("bot", first.token).waitFor();
  const second = await two.ask();
  await one.said("bot", second.token).waitFor();

  assert.deepEqual(await one.texts(), await two.texts());
  assert.equal((await one.texts()).length, 4);
  assert.deepEqual(one.visitor.problems, []);
});

scene("an answer that comes while the window is closed is counted on its button", async (t) => {
  const widget = await (await visit(t)).open();
  await widget.ask();
  const { text, token } = product.question();
  const answer = model.plan(token, "It is ", `so: ${token}`);
  await widget.write(text);
  await widget.draft.waitFor();

  await widget.launcher.click();
  answer.next();

  await widget.root.locator(".count").filter({ hasText: "1" }).waitFor();
  await widget.open();
  const count = widget.root.locator(".count");
  assert.equal(await count.isVisible(), false);
  await widget.launcher.click();
  await widget.page.reload();
  await widget.said("bot", token).waitFor({ state: "attached" });
  assert.equal(await count.isVisible(), false, "what was read before is counted");
});

scene("what an answer says is text, whatever it looks like", async (t) => {
  const widget = await (await visit(t)).open();
  const { text, token } = product.question();
  model.plan(token, [
    `${token} <img src=x onerror="window.hurt=1"><script>window.hurt=1</script>`, "[a](javascript:window.hurt=1) [b](data:text/html,x) [c](//evil.example)",
    "<svg onload=window.hurt=1> [d](https://fine.example/a?b=c) [e](JaVaScRiPt:window.hurt=1)", "`<b>code</b>` **<i>bold</i>**",
  ].join("\n\n"));

  await widget.write(text);
  const said = widget.said("bot", token);
  await said.waitFor();

  assert.deepEqual(await said.locator("a").evaluateAll((links) => links.map((link) => [link.textContent, link.href, link.rel])), [["d", "https://fine.example/a?b=c", "noopener noreferrer nofollow"]]);
  assert.equal(await said.locator("img, script, svg, i, b").count(), 0);
  assert.match(await said.innerText(), /<img src=x/);
  assert.equal(await widget.page.evaluate(() => window.hurt), undefined);
  const mine = product.question();
  await widget.write(`<img src=x onerror="window.hurt=1"> ${mine.text}`);
  await widget.said("bot", mine.token).waitFor();
  assert.equal(await widget.root.locator(".row.you img").count(), 0);
  assert.deepEqual(widget.visitor.problems, []);
});

scene("a file goes with a message, and one that is too large or of another kind is refused in words", async (t) => {
  const widget = await (await visit(t)).open();
  const { text, token } = product.question();
  const file = (name, bytes) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(bytes) });

  const uploads = [];
  widget.page.on("request", (request) => { if (request.url().endsWith("/files")) uploads.push(request); });
  await widget.file.setInputFiles(file("large.txt", "x".repeat(1024 * 1024 + 1)));
  await widget.state.filter({ hasText: "too large: 1 MB at most" }).waitFor();
  assert.deepEqual(uploads, [], "it is carried to the server in vain");
  await widget.file.setInputFiles(file("virus.exe", [0x4d, 0x5a, 0x90, 0, 3]));
  await widget.state.filter({ hasText: "Files of this kind cannot be sent" }).waitFor();
  await widget.file.setInputFiles(file("away.txt", "Not this one"));
  await widget.root.getByRole("button", { name: "Remove away.txt" }).click();
  await widget.file.setInputFiles(file("plan.txt", "A plan of the garden"));
  await widget.root.getByRole("button", { name: "Remove plan.txt" }).waitFor();
  await widget.write(text);

  await widget.said("bot", token).waitFor();
  assert.deepEqual(await widget.said("you", token).locator(".file").allInnerTexts(), ["plan.txt"]);
  await widget.page.reload();
  await widget.said("bot", token).waitFor();
  assert.deepEqual(await widget.said("you", token).locator(".file").allInnerTexts(), ["plan.txt"]);
});

scene("what is too long is not sent, and not lost", async (t) => {
  const widget = await (await visit(t)).open();

  await widget.write("x".repeat(601));

  await widget.state.filter({ hasText: "too long: 600 characters at most" }).waitFor();
  assert.equal((await widget.text.inputValue()).length, 601);
  assert.equal(await widget.messages.count(), 0);
});

scene("whoever signs in, or is somebody else, does not see what was said before", async (t) => {
  const stranger = await (await visit(t)).open();
  const { token } = await stranger.ask();
  const user = "ada@example.com";
  const hash = createHmac("sha256", "s".repeat(40)).update(user).digest("hex");

  const known = await (await visit(t, { as: stranger.visitor, data: { user, "user-hash": hash } })).open();
  const hers = await known.ask();
  assert.equal(await known.said("bot", token).count(), 0);
  // Elsewhere she goes on.
  const elsewhere = await (await visit(t, { data: { user, "user-hash": hash } })).open();
  await elsewhere.ask();
  await elsewhere.said("bot", hers.token).waitFor();
  await elsewhere.page.close();

  const out = await (await visit(t, { as: known.visitor })).open();
  await out.ask();
  assert.equal(await out.said("bot", hers.token).count(), 0);
});

scene("a person who takes over is named, and the visitor is told that somebody will answer", async (t) => {
  const widget = await (await visit(t)).open();
  const { token } = await widget.ask();
  const { items } = await product.get(`/api/workspaces/${product.workspace}/conversations`);
  const { id } = items.find((conversation) => conversation.last_message.text.includes(token));

  await product.post(`/api/conversations/${id}/take-over`, {});
  await widget.write("Is somebody there?");
  await widget.state.filter({ hasText: "Somebody from our team will answer you here" }).waitFor();
  await widget.typing.waitFor({ state: "detached" });
  await product.post(`/api/conversations/${id}/replies`, { text: "Yes: **Bob**." });

  await widget.said("bot", "Yes: Bob.").waitFor();
  assert.deepEqual(await widget.root.locator(".who").allInnerTexts(), ["Our team"]);
  assert.equal(await widget.state.innerText(), "");
});

scene("a session that has ended is begun anew with what is written next", async (t) => {
  const widget = await (await visit(t)).open();
  await widget.ask();
  await widget.page.evaluate(() => {
    const key = Object.keys(localStorage).find((name) => name.startsWith("botsmith:"));
    localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key)), token: "bsv_ended.ended" }));
  });

  await widget.page.reload();
  await widget.open();
  await widget.ask();

  assert.equal((await widget.texts()).length, 2);
  assert.equal(await widget.state.innerText(), "");
});

scene("a browser that keeps nothing has a conversation as long as the page", async (t) => {
  const as = await visitor(t);
  await as.context.addInitScript(() => Object.defineProperty(window, "localStorage", { get() { throw new DOMException("no", "SecurityError"); } }));
  const widget = await (await visit(t, { as })).open();

  await widget.ask();
  await widget.ask();

  assert.equal((await widget.texts()).length, 4);
  assert.deepEqual(as.problems, []);
});

scene("a tab that nobody looks at lets its connection go, and has everything once it is looked at", async (t) => {
  const one = await (await visit(t)).open();
  await one.ask();
  const look = (state) => one.page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
  const gone = one.page.waitForEvent("requestfailed", (request) => request.url().includes("/stream"));

  await look("hidden");
  await gone;
  const two = await (await visit(t, { as: one.visitor })).open();
  const { token } = await two.ask();
  assert.equal(await one.said("bot", token).count(), 0);
  await look("visible");

  await one.said("bot", token).waitFor();
  assert.deepEqual(await one.texts(), await two.texts());
});
