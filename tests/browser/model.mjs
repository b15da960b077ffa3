// Plays the language model: an OpenAI-compatible endpoint whose answers a test writes, and can stop in the middle.

import { once } from "node:events";
import { createServer } from "node:http";

/** What tests write into a question, to find its answer by. Without one, it is the question "nothing". */
const TOKEN = /TOKEN\d+/g;

export class Model {
  #plans = new Map();
  #asked = [];
  #waiting = [];
  /** Everything it was ever sent. */
  heard = [];

  async start() {
    this.server = createServer((request, response) => this.#answer(request, response).catch((error) => response.destroy(error)));
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.url = `http://127.0.0.1:${this.server.address().port}/v1`;
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** What is answered to the question with this token. An answer in pieces stops before each after the first, until `next()`. */
  plan(token, ...pieces) {
    const gates = pieces.slice(1).map(() => withResolvers());
    this.#plans.set(token, { pieces, gates });
    let at = 0;
    return { next: () => gates[at++].resolve() };
  }

  /** How often the question with this token has been asked. */
  asked(token) {
    return this.#asked.filter((asked) => asked === token).length;
  }

  /** Resolves when the question with this token is asked for the nth time. */
  async wasAsked(token, times = 1) {
    while (this.asked(token) < times) await new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #answer(request, response) {
    const sent = await read(request);
    this.heard.push(sent);
    const body = JSON.parse(sent);
    const question = body.messages.at(-1).content;
    const text = Array.isArray(question) ? question.map((part) => part.text || "").join("\n") : question;
    if (text.includes("<conversation>")) {
      // To be put in full: what these tests ask is understood by itself.
      const [, unchanged] = text.match(/<question>\n([^]*)\n<\/question>/);
      return respond(response, body, unchanged);
    }
    const tokens = text.match(TOKEN) || ["nothing"];
    const token = tokens.at(-1);
    this.#asked.push(token);
    this.#waiting.splice(0).forEach((resolve) => resolve());
    const plan = this.#plans.get(token) || { pieces: [`We are **open** Monday to Friday from 9:00 to 17:00, see ${tokens.join(" ")} [1]`], gates: [] };
    if (!body.stream) {
      for (const gate of plan.gates) await gate.promise;
      return respond(response, body, plan.pieces.join(""));
    }
    response.setHeader("content-type", "text/event-stream");
    const say = (event) => response.write(`data: ${JSON.stringify({ ...head(body), object: "chat.completion.chunk", ...event })}\n\n`);
    for (const [index, piece] of plan.pieces.entries()) {
      if (index) await plan.gates[index - 1].promise;
      say({ choices: [{ index: 0, delta: { content: piece } }] });
    }
    say({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    say({ choices: [], usage: USAGE });
    response.end("data: [DONE]\n\n");
  }
}

const USAGE = { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 };

function head(asked) {
  return { id: "chatcmpl-1", created: 1_763_800_000, model: asked.model };
}

/** Says it all at once. */
function respond(response, asked, content) {
  const choice = { index: 0, message: { role: "assistant", content }, finish_reason: "stop" };
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ ...head(asked), object: "chat.completion", choices: [choice], usage: USAGE }));
}

function withResolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

async function read(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
