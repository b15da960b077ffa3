// The wire between the browser and BotSmith, which a test can cut.

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Cable {
  #ends = new Set();
  #isCut = false;

  async start(port) {
    this.server = createServer((near) => {
      if (this.#isCut) { near.destroy(); return; }
      const far = connect(port(), "127.0.0.1");
      for (const end of [near, far]) {
        this.#ends.add(end);
        end.on("error", () => {});
        end.on("close", () => { this.#ends.delete(end); near.destroy(); far.destroy(); });
      }
      near.pipe(far);
      far.pipe(near);
    });
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  /** Whatever runs over it breaks, and nothing comes through any more. */
  cut() {
    this.#isCut = true;
    for (const end of this.#ends) end.destroy();
  }

  mend() {
    this.#isCut = false;
  }

  stop() {
    this.cut();
    this.server.close();
  }
}
