// Accounts: mail and what comes by it, signing in with two factors, sessions, and administrators who act as somebody else.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before } from "node:test";
import { clean, Desk, fits, picture, settled } from "./desk.mjs";
import { linkIn, Post } from "./post.mjs";
import { Product, until } from "./product.mjs";

const GUEST = { email: "grace@example.com", password: "an altogether other passphrase 9" };
const NEW_PASSWORD = "and one more that nobody guesses 3";

const product = new Product();
const desk = new Desk(product);
const post = new Post();
let owner;
let guest;
let secret;
let recovery;
/** The last time step of which a code was used: none works twice. */
let step = 0;

before(async () => {
  await Promise.all([desk.start(), product.start(), post.start()]);
  await product.bot();
});
after(async () => {
  await desk.stop();
  post.stop();
  await product.stop();
});

/** What an authenticator app shows (RFC 6238), of the next step that was not used yet; one early is allowed. */
async function code() {
  const now = () => Math.floor(Date.now() / 30_000);
  await until("a step whose code is allowed", () => now() + 1 > step, 40_000);
  step = Math.max(step + 1, now());
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac("sha1", key).update(counter).digest();
  const at = digest.at(-1) & 15;
  return String((digest.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

async function cleanDialog(page, what) {
  await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState !== "running"));
  await clean(page, what);
}

async function signIn(page, { email, password }) {
  await page.goto(`${product.url}/sign-in`);
  await page.getByLabel("E-mail address").fill(email);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

desk.step("without mail the pages say so; a server that is not there is named, and one that is takes a test mail", async () => {
  owner = await desk.enter();
  const { page } = owner;
  await page.goto(`${product.url}/admin/mail`);
  await page.getByText("As long as no server is set").waitFor();
  await page.getByText("No mails yet").waitFor();
  await page.getByRole("textbox", { name: "Server" }).fill("127.0.0.1");
  await page.getByLabel("Protection").selectOption("none");
  assert.equal(await page.getByRole("textbox", { name: "Port" }).inputValue(), "25");
  await page.getByText("travel in clear").waitFor();
  await page.getByRole("textbox", { name: "Port" }).fill("1");
  await page.getByRole("textbox", { name: "From" }).fill("BotSmith <bots@example.com>");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved. Send a test mail").waitFor();
  await page.getByRole("button", { name: "Send a test mail" }).click();
  await page.getByRole("alert").getByText("127.0.0.1:1 cannot be reached").waitFor();
  await picture(page, "mail-wrong");
  await page.getByRole("textbox", { name: "Port" }).fill(String(post.port));
  await page.getByRole("button", { name: "Save" }).click();
  await until("it is saved", async () => (await product.get("/api/administration/mail")).port === post.port);
  await page.getByRole("button", { name: "Send a test mail" }).click();
  await page.getByText("The server has taken a mail to ada@example.com.").waitFor();
  assert.match(await post.to("ada@example.com"), /arrives/);
  assert.deepEqual(owner.problems.splice(0).filter((problem) => !problem.includes("502")), []);
});

desk.step("an invitation is mailed, listed, withdrawn, sent again, and brings somebody in", async () => {
  const { page } = owner;
  await page.goto(`${product.url}/workspaces/${product.workspace}/settings/members`);
  await page.getByText("Nobody is awaited").waitFor();
  const invite = async (email, role) => {
    await page.getByRole("button", { name: "Invite somebody" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("They get a mail with a link").waitFor();
    await dialog.getByLabel("E-mail address").fill(email);
    await dialog.getByLabel("Role").selectOption(role);
    await cleanDialog(page, "inviting by mail");
    await dialog.getByRole("button", { name: "Send the invitation" }).click();
    await dialog.getByText(`An invitation to ${email} is on its way by mail.`).waitFor();
    assert.equal(await dialog.locator("code").count(), 0);
    await dialog.getByRole("button", { name: "Close" }).last().click();
  };
  await invite("mistake@example.com", "viewer");
  await invite(GUEST.email, "agent");
  const table = page.getByRole("table", { name: "Open invitations" });
  const row = (email) => table.getByRole("row").filter({ hasText: email });
  const first = linkIn(await post.to(GUEST.email));
  await until("the list says that the mail went", async () => {
    await page.reload();
    await row(GUEST.email).waitFor();
    return row(GUEST.email).getByText("Mail sent").isVisible();
  });
  assert.match(await row(GUEST.email).innerText(), /Agent[\s\S]*ada@example\.com/);
  await picture(page, "invitations");
  await row("mistake@example.com").getByRole("button", { name: /^Withdraw/ }).click();
  await cleanDialog(page, "withdrawing");
  await page.getByRole("dialog").getByRole("button", { name: "Withdraw" }).click();
  await row("mistake@example.com").waitFor({ state: "detached" });
  await row(GUEST.email).getByRole("button", { name: /^Send again/ }).click();
  await page.getByRole("dialog").getByText("is on its way by mail").waitFor();
  await page.keyboard.press("Escape");
  const second = linkIn(await post.to(GUEST.email, 2));
  assert.notEqual(first, second);

  guest = await desk.open();
  await guest.page.goto(second);
  await guest.page.getByLabel("Your name").fill("Grace");
  await guest.page.getByLabel("Password").fill(GUEST.password);
  await guest.page.getByRole("button", { name: "Continue" }).click();
  await guest.page.getByRole("link", { name: "Open the dashboard" }).click();
  await guest.page.getByRole("heading", { name: "Chatbots", level: 1 }).waitFor();
  await page.reload();
  await page.getByText("Nobody is awaited").waitFor();
  assert.deepEqual([...owner.problems, ...guest.problems], []);
});

desk.step("a forgotten password is replaced by a link that is mailed, and strangers are answered alike", async () => {
  const { page, context, problems } = await desk.open({ locale: "de-DE" });
  const ask = async (email) => {
    await page.goto(`${product.url}/sign-in`);
    await page.getByRole("button", { name: "Passwort vergessen?" }).click();
    await page.getByLabel("E-Mail-Adresse").fill(email);
    await clean(page, "asking for a new password");
    await page.getByRole("button", { name: "Link senden" }).click();
    await page.getByText(`Wenn ${email} ein Konto hat`).waitFor();
  };
  await ask("nobody@example.com");
  await ask(GUEST.email);
  await picture(page, "forgot-german");
  // She reads English: she signed in with it.
  const mail = await post.to(GUEST.email, 3);
  assert.match(mail, /asked for a new password/);
  await page.goto(linkIn(mail));
  await page.getByLabel("Password").fill(NEW_PASSWORD);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("Done").waitFor();
  assert.equal(post.mails.filter((mail) => mail.to.includes("nobody@example.com")).length, 0);
  GUEST.password = NEW_PASSWORD;
  await context.close();
  await guest.context.close();
  assert.deepEqual(problems, []);
});

desk.step("two factors are set up with an app, and from then on signing in takes both", async () => {
  guest = await desk.enter({}, GUEST);
  const { page } = guest;
  await page.goto(`${product.url}/account`);
  await page.getByText("Off: your password alone signs you in.").waitFor();
  await page.getByRole("button", { name: "Set up" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Present password" }).fill(GUEST.password);
  await cleanDialog(page, "setting up, the password");
  await dialog.getByRole("button", { name: "Next" }).click();
  await dialog.getByRole("img", { name: "QR code for the authenticator app" }).waitFor();
  secret = (await dialog.locator("code").innerText()).replaceAll(" ", "");
  assert.match(secret, /^[A-Z2-7]{32}$/);
  await cleanDialog(page, "setting up, the code");
  await picture(page, "mfa-set-up");
  await dialog.getByRole("textbox", { name: "Code" }).fill("000000");
  await dialog.getByRole("button", { name: "Confirm" }).click();
  await dialog.getByText("the code is not right").waitFor();
  await dialog.getByRole("textbox", { name: "Code" }).fill(await code());
  await dialog.getByRole("button", { name: "Confirm" }).click();
  await dialog.getByText("Each of these codes works once").waitFor();
  recovery = await dialog.getByRole("listitem").allInnerTexts();
  assert.equal(new Set(recovery).size, 10);
  await cleanDialog(page, "recovery codes");
  await picture(page, "mfa-recovery");
  await dialog.getByRole("button", { name: "I have kept them" }).click();
  await page.getByText("Recovery codes left: 10").waitFor();
  assert.deepEqual(guest.problems.splice(0).filter((problem) => !problem.includes("422")), []);

  const other = await desk.open();
  desk.someone = other;
  await signIn(other.page, GUEST);
  await other.page.getByRole("heading", { name: "One more step" }).waitFor();
  await clean(other.page, "the second step");
  await picture(other.page, "mfa-sign-in");
  const used = await code();
  await other.page.getByRole("textbox", { name: "Code" }).fill(used);
  await other.page.getByRole("button", { name: "Sign in" }).click();
  await other.page.getByRole("heading", { name: "Chatbots", level: 1 }).waitFor();

  const third = await desk.open();
  await signIn(third.page, GUEST);
  await third.page.getByRole("textbox", { name: "Code" }).fill(used);
  await third.page.getByRole("button", { name: "Sign in" }).click();
  await third.page.getByRole("alert").getByText("was used already").waitFor();
  await third.page.getByRole("textbox", { name: "Code" }).fill(recovery[0]);
  await third.page.getByRole("button", { name: "Sign in" }).click();
  await third.page.getByRole("heading", { name: "Chatbots", level: 1 }).waitFor();
  assert.deepEqual([...other.problems, ...third.problems], []);
  guest.others = [other, third];
});

desk.step("sessions are listed, and end when they are ended", async () => {
  const { page, others } = guest;
  desk.someone = guest;
  await page.reload();
  const table = page.getByRole("table", { name: "Where you are signed in" });
  await until("all three", async () => (await table.getByRole("row").count()) === 4);
  assert.match(await table.getByRole("row").filter({ hasText: "this one" }).innerText(), /127\.0\.0\.1/);
  await table.getByText("Chrome on Linux").first().waitFor();
  await picture(page, "sessions");
  await page.getByText("Recovery codes left: 9").waitFor();
  await table.getByRole("button", { name: "End: Chrome on Linux" }).first().click();
  await cleanDialog(page, "ending a session");
  await page.getByRole("dialog").getByRole("button", { name: "End" }).click();
  await until("two are left", async () => (await table.getByRole("row").count()) === 3);
  await page.getByRole("button", { name: "End all others" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End all others" }).click();
  await until("one is left", async () => (await table.getByRole("row").count()) === 2);
  for (const other of others) {
    await other.page.goto(`${product.url}/account`);
    await other.page.getByRole("heading", { name: "Sign in" }).waitFor();
    await other.context.close();
  }
  assert.deepEqual(guest.problems, []);
});

desk.step("an administrator sees who has two factors, and resets them for who lost the phone", async () => {
  const { page } = owner;
  desk.someone = owner;
  await page.goto(`${product.url}/admin/users`);
  const row = page.getByRole("row").filter({ hasText: "Grace" });
  await row.getByText("two-factor on").waitFor();
  await row.getByRole("link", { name: /^Manage/ }).click();
  await page.getByText("on since").waitFor();
  await page.getByRole("button", { name: "Reset two-factor" }).click();
  await cleanDialog(page, "resetting");
  await page.getByRole("dialog").getByRole("button", { name: "Reset two-factor" }).click();
  await until("there is nothing to reset any more", async () => (await page.getByRole("button", { name: "Reset two-factor" }).count()) === 0);
  await guest.context.close();
  guest = await desk.enter({}, GUEST);
  await guest.page.goto(`${product.url}/account`);
  await guest.page.getByText("Off: your password alone signs you in.").waitFor();
  assert.deepEqual([...owner.problems, ...guest.problems], []);
});

desk.step("an administrator acts as somebody with a reason: every page says so, and what is theirs stays theirs", async () => {
  const { page } = owner;
  desk.someone = owner;
  await page.getByRole("button", { name: "Act as this person" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Why").fill("Ticket 4711: she sees no answers");
  await cleanDialog(page, "a reason");
  await picture(page, "impersonation-reason");
  await dialog.getByRole("button", { name: "Act as this person" }).click();
  const banner = page.getByRole("region", { name: "Acting as somebody else" });
  await banner.getByText("ada@example.com, you act as grace@example.com.").waitFor();
  await banner.getByText("Ticket 4711").waitFor();
  for (const path of ["inbox", "analytics", "settings/members"]) {
    await page.goto(`${product.url}/workspaces/${product.workspace}/${path}`);
    await settled(page);
    await banner.waitFor();
  }
  assert.equal(await page.getByRole("link", { name: "Administration" }).count(), 0);
  await page.goto(`${product.url}/account`);
  await page.getByText("This is theirs alone").waitFor();
  assert.equal(await page.getByRole("textbox", { name: "Present password" }).count(), 0);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await clean(page, `the banner in ${colorScheme}`);
    await page.setViewportSize({ width: 360, height: 740 });
    await fits(page, `the banner on a phone in ${colorScheme}`);
    await picture(page, `impersonation-phone-${colorScheme}`);
    await page.setViewportSize({ width: 1280, height: 860 });
    await picture(page, `impersonation-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  const refused = await owner.context.request.post(`${product.url}/api/session/second-factor`, { data: { password: GUEST.password }, headers: { "x-requested-with": "tests" } });
  assert.equal(refused.status(), 403);
  await page.goto(`${product.url}/workspaces/${product.workspace}/inbox`);
  await banner.getByRole("button", { name: "End" }).click();
  await page.getByRole("heading", { name: "Administration", level: 1 }).waitFor();
  assert.equal(await banner.count(), 0);
  const { items } = await product.get(`/api/workspaces/${product.workspace}/activity`);
  assert.deepEqual(items.slice(0, 2).map((item) => [item.action, item.details.administrator, item.details.person]), [
    ["impersonation.end", "ada@example.com", "grace@example.com"],
    ["impersonation.begin", "ada@example.com", "grace@example.com"],
  ]);
  await page.goto(`${product.url}/workspaces/${product.workspace}/settings/activity`);
  await page.getByText("Administrator began to act as somebody").waitFor();
  await picture(page, "impersonation-activity");
  assert.deepEqual(owner.problems, []);
});

desk.everyPage(() => ({ account: "/account", members: `/workspaces/${product.workspace}/settings/members`, mail: "/admin/mail" }));

desk.step("it speaks German, and is gone through without a mouse", async () => {
  const { page, context, problems } = await desk.enter({ locale: "de-DE" });
  await page.goto(`${product.url}/account`);
  await page.getByRole("region", { name: "Zwei-Faktor-Authentisierung" }).waitFor();
  await page.getByRole("table", { name: "Wo Sie angemeldet sind" }).getByText("diese hier").waitFor();
  await picture(page, "account-german");
  await page.getByRole("button", { name: "Einrichten" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("textbox", { name: "Jetziges Passwort" }).waitFor();
  await page.keyboard.type("correct horse battery staple 7");
  await page.keyboard.press("Enter");
  await page.getByRole("img", { name: "QR-Code für die Authenticator-App" }).waitFor();
  await page.keyboard.press("Escape");
  await page.goto(`${product.url}/admin/mail`);
  await page.getByRole("button", { name: "Testmail senden" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("Der Server hat eine Mail an ada@example.com angenommen.").waitFor();
  assert.match(await post.to("ada@example.com", 2), /kommen an/);
  await picture(page, "mail-german");
  assert.deepEqual(problems, []);
  await context.close();
});
