// Following the conversation for as long as the page can be seen: what there was, then whatever comes.
//
// Invariant: a connection that ends is opened again behind the last message that was heard, so nothing is missed and
// nothing comes twice. A tab that nobody looks at holds no connection: browsers have only a few for each site.

/** `told`: message(item, fresh), typing(), draft(text), state(state), trouble(error), clear(). */
function followerOf(api, session, told) {
  let running = false;
  let stopped = false;
  let conversation = null;
  let last = null;
  let connection = null;

  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") connection?.abort(); });

  /** Does nothing where it runs already or where there is no session to follow. */
  async function start() {
    if (running || stopped || !session.holds()) return;
    running = true;
    const pause = pauses();
    let failures = 0;
    while (session.holds() && !stopped) {
      await seen();
      connection = new AbortController();
      try {
        await session.ready();
        await begin();
        await api.stream(last, connection.signal, () => { failures = 0; pause.reset(); told.clear(); }, hear);
      } catch (error) {
        if (error.kind === "refused") { told.trouble(error); break; }
        if (error.kind === "expired") session.lost(error.token);
        failures += 1;
        // A connection that is cut now and then is nobody's business.
        if (failures > 1 && !connection.signal.aborted) told.trouble(new ChatError(navigator.onLine ? "reconnecting" : "offline"));
        await pause.rest(error);
        continue;
      }
      await pause.rest();
    }
    running = false;
  }

  async function begin() {
    if (conversation === session.conversation()) return;
    last = null;
    const { items } = await api.messages();
    conversation = session.conversation();
    items.forEach((item) => take(item, false));
  }

  function hear({ event, id, data }) {
    if (event === "message") take({ ...data, cursor: data.cursor || id }, true);
    else if (event === "typing") told.typing();
    else if (event === "draft") told.draft(data.text);
    else if (event === "state") told.state(data.state);
  }

  function take(item, fresh) {
    if (last !== null && Number(item.cursor) <= Number(last)) return;
    last = item.cursor;
    told.message(item, fresh);
  }

  return {
    start,
    /** Ends it for good. */
    stop() { stopped = true; connection?.abort(); },
  };
}
