// BotSmith taken away in the middle of everything. A file of its own, as it waits: the others run meanwhile.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { model, product, scene, start, stop, visit } from "./stage.mjs";

before(start);
after(stop);

scene("a server that is killed in the middle of an answer answers once when it is back", async (t) => {
  const widget = await (await visit(t)).open();
  const before = await widget.ask();
  const one = product.question();
  model.plan(one.token, "It is ", `so: ${one.token}`);
  await widget.write(one.text);
  await widget.draft.waitFor();

  await product.kill();
  const two = product.question();
  await widget.write(two.text);
  await widget.state.filter({ hasText: /Connecting again|cannot be reached/ }).waitFor();
  await product.run();

  await widget.said("bot", two.token).waitFor({ timeout: 60_000 });
  await widget.said("bot", one.token).waitFor();
  const said = (await widget.texts()).flatMap((text) => text.match(/TOKEN\d+/g));
  assert.deepEqual(said.sort(), [before, before, one, one, two, two].map(({ token }) => token).sort());
  assert.equal(await widget.draft.count(), 0);
  assert.equal(await widget.root.locator(".note").count(), 0);
  await widget.page.reload();
  await widget.said("bot", two.token).waitFor();
  assert.equal((await widget.texts()).flatMap((text) => text.match(/TOKEN\d+/g)).length, 6);
});
