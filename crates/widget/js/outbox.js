// What the visitor has written and the server may not have yet.
//
// Invariant: nothing is lost and nothing is sent twice. A message is kept in the browser, under an id of ours by which the
// server knows a repeat, until the server has taken it; what failed for good waits for the visitor to try again.

/** `told`: showing(message), sent(message, accepted), trouble(error), clear(). */
function outboxOf(api, session, memory, told) {
  let sending = false;
  const all = () => memory.get("pending") || [];
  const change = (id, how) => memory.set({ pending: all().flatMap((message) => (message.id === id ? how(message) : [message])) });

  /** Sends what there is, in its order. */
  async function flush() {
    if (sending) return;
    sending = true;
    const pause = pauses();
    let expired = false;
    for (let next = waiting(); next; next = waiting()) {
      try {
        await session.ready();
        told.sending(next);
        const accepted = await api.send(bodyOf(next));
        change(next.id, () => []);
        told.clear();
        told.sent(next, accepted);
        pause.reset();
        expired = false;
      } catch (error) {
        if (error.kind === "expired" && !expired) {
          expired = true;
          session.lost(error.token);
          continue;
        }
        if (["offline", "unavailable", "slow", "expired"].includes(error.kind)) {
          told.trouble(error);
          await pause.rest(error);
          continue;
        }
        const failed = { ...next, failed: error.kind === "invalid" ? error.message : true };
        change(next.id, () => [failed]);
        told.showing(failed);
        if (error.kind === "refused") told.trouble(error);
      }
    }
    sending = false;
  }

  const waiting = () => all().find((message) => !message.failed);

  return {
    all,
    flush,
    add(message) {
      memory.set({ pending: [...all(), message] });
      told.showing(message);
      flush();
    },
    retry(id) {
      change(id, ({ failed, ...message }) => [message]);
      const message = all().find((other) => other.id === id);
      if (message) told.showing(message);
      flush();
    },
    /** It has been seen on the server. */
    settle(id) {
      if (all().some((message) => message.id === id)) change(id, () => []);
    },
  };
}

function bodyOf({ id, text, choice, media }) {
  return { id, text, choice, files: (media || []).map((medium) => medium.id) };
}

function newId() {
  return crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
