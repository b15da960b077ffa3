// A running `botsmith all` on an empty data directory, and its API as its owner uses it.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BINARY = process.env.BOTSMITH_BIN || join(ROOT, "target/debug/botsmith");
export const QUESTION = "What are your opening hours?";

export class Product {
  #number = 0;
  #cookie = "";

  /** `publicUrl`: how browsers reach it; `modelUrl`: where the model is played; `origins`: of the pages on which its chatbots
   *  may speak; `more`: settings beside these. */
  async start(publicUrl, modelUrl, origins, more) {
    const token = (await this.startEmpty({ publicUrl, modelUrl, origins, more })).split("=").at(-1);
    await this.post("/api/setup", { email: "ada@example.com", name: "Ada", password: "correct horse battery staple 7", token });
    this.workspace = (await this.post("/api/workspaces", { name: "Browser" })).id;
  }

  /** The same before anybody has an account; returns the link with which the first one is made. Without a model it quotes. */
  async startEmpty({ publicUrl, modelUrl, origins = [], more } = {}) {
    if (!existsSync(BINARY)) throw new Error(`there is no ${BINARY}: run \`cargo build\`, or set BOTSMITH_BIN`);
    this.origins = origins;
    this.folder = mkdtempSync(join(tmpdir(), "botsmith-browser-"));
    // Started by root, PostgreSQL runs as a user of its own, who has to get in.
    chmodSync(this.folder, 0o711);
    this.port = await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    const environment = { ...process.env };
    // A database and a queue of its own, as on a machine where there is nothing else.
    delete environment.DATABASE_URL;
    delete environment.AMQP_URL;
    this.environment = {
      ...environment,
      BOTSMITH__GATEWAY__LISTEN: `127.0.0.1:${this.port}`,
      BOTSMITH__GATEWAY__PUBLIC_URL: publicUrl || this.url,
      BOTSMITH__SCHEDULER__COUNT_SECONDS: "1",
      BOTSMITH__GATEWAY__CHAT__MAX_FILE_BYTES: String(1024 * 1024),
      BOTSMITH__GATEWAY__CHAT__MOST_CHARACTERS: "600",
      BOTSMITH__GATEWAY__CHAT__SESSIONS_PER_MINUTE: "600",
      ...(modelUrl && { BOTSMITH__MODELS__BASE_URL: modelUrl, BOTSMITH__MODELS__MODEL: "played" }),
      ...more,
    };
    this.log = openSync(join(this.folder, "log"), "a");
    await this.run();
    const { stdout } = await promisify(execFile)(BINARY, ["--data-dir", join(this.folder, "data"), "setup-link"], { env: this.environment, cwd: this.folder });
    return stdout.split(/\s+/).find((word) => word.includes("/link#setup="));
  }

  /** Runs it, until it is ready. */
  async run() {
    this.process = spawn(BINARY, ["--data-dir", join(this.folder, "data"), "all", "--no-demo"], {
      env: this.environment, cwd: this.folder, stdio: ["ignore", this.log, this.log],
    });
    await until("botsmith is ready", async () => {
      if (!this.#isRunning()) throw new Error(`botsmith has ended; its log:\n${this.tail()}`);
      return (await fetch(`${this.url}/readyz`).catch(() => null))?.ok;
    }, 90_000);
  }

  /** Takes it away in the middle of whatever it does. */
  async kill() {
    const ended = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await ended;
  }

  #isRunning() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  async stop() {
    if (this.process && this.#isRunning()) {
      const ended = once(this.process, "exit");
      this.process.kill("SIGTERM");
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  tail() {
    return readFileSync(join(this.folder, "log"), "utf8").slice(-4000);
  }

  get = (path) => this.#call("GET", path);
  post = (path, body) => this.#call("POST", path, body);
  put = (path, body) => this.#call("PUT", path, body);
  patch = (path, body) => this.#call("PATCH", path, body);

  async #call(method, path, body) {
    const raw = body instanceof Uint8Array;
    const answer = await fetch(this.url + path, {
      method, body: raw ? body : body && JSON.stringify(body),
      headers: { "x-requested-with": "tests", ...(this.#cookie && { cookie: this.#cookie }), ...(body && { "content-type": raw ? "image/png" : "application/json" }) },
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split(";")[0]);
    if (cookies.length) this.#cookie = cookies.join("; ");
    return text ? JSON.parse(text) : null;
  }

  /** A chatbot on web pages that knows when we are open, with the widget set as its owner wants it. */
  async bot(widget) {
    const bot = (await this.post(`/api/workspaces/${this.workspace}/chatbots`, { name: `Bot ${(this.#number += 1)}` })).id;
    // A text: a pair would be the owner's own answer to this question, for which no model is asked.
    const text = `# ${QUESTION}\n\nWe are open Monday to Friday from 9:00 to 17:00.`;
    await this.post(`/api/chatbots/${bot}/sources`, { title: "Opening hours", text });
    await this.put(`/api/chatbots/${bot}/links`, { hosts: ["fine.example"] });
    const credentials = { identity_secret: "s".repeat(40), allowed_origins: this.origins.join(" ") };
    await this.post(`/api/integrations/${bot}`, { platform: "web", credentials });
    if (widget) await this.put(`/api/chatbots/${bot}/widget`, widget);
    await until("its knowledge is indexed", async () => {
      const { items } = await this.get(`/api/chatbots/${bot}/sources`);
      return items.every((source) => source.state === "ready");
    });
    return bot;
  }

  /** A question that nobody else asks, and the token to know its answer by. */
  question() {
    const token = `TOKEN${String((this.#number += 1)).padStart(6, "0")}`;
    return { text: `${QUESTION} ${token}`, token };
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** What `look` returns once that is something. For what can only be asked about. */
export async function until(what, look, patience = 30_000) {
  const ends = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > ends) throw new Error(`${what}: not within ${patience} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
