// The visitor's session: the token that opens their one conversation.
//
// Invariant: a token is only used for whom it was made. Whoever signs in to the page, signs out, or is somebody else now,
// does not see what was said before.

// `who`: what the page knows of the visitor, `{identity}` or `{user, user_hash}`. `ask(create)`: asks the visitor for what
// the owner wants to know, and calls `create(lead)` until it succeeds.
function sessionOf(api, memory, who, ask) {
  const subject = subjectOf(who);
  if ((memory.get("subject") ?? null) !== subject) memory.set({ subject, token: null, conversation: null, pending: [] });
  let beginning = null;
  let renewed = false;

  // Whether it still holds is the server's to say: visitors' clocks are often wrong.
  const holds = () => Boolean(memory.get("token"));

  async function create(lead) {
    await memory.alone(async () => {
      // Another tab may have been faster.
      if (holds()) return;
      keep(await api.session({ ...who, lead }));
    });
  }

  function keep(made) {
    memory.set({ token: made.token, conversation: made.conversation, since: Date.now(), until: Date.parse(made.expires_at) });
  }

  /** Whoever comes often keeps their conversation: the token is made anew while it still holds. */
  async function renew() {
    renewed = true;
    try {
      keep(await api.session({ ...who }));
    } catch {
      // There is time left to try on the next page.
    }
  }

  return {
    holds,
    conversation: () => memory.get("conversation"),
    /** Resolves once there is a token. */
    async ready() {
      if (holds()) {
        if (!renewed && Date.now() > (memory.get("since") + memory.get("until")) / 2) await renew();
        return;
      }
      beginning ||= ask(create).finally(() => { beginning = null; });
      await beginning;
    },
    /** The server did not take this token. */
    lost(token) {
      if (memory.get("token") === token) memory.set({ token: null });
    },
  };
}

/** Whom the page means. What it says is proven by the server; here it only tells one person from another. */
function subjectOf({ identity, user }) {
  if (!identity) return user || null;
  try {
    return JSON.parse(atob(identity.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub || identity;
  } catch {
    return identity;
  }
}
