"use strict";
// The token stands behind the #, so it is in no log and no referrer; it leaves the address bar at once.

const [purpose, token] = location.hash.slice(1).split("=");
history.replaceState(null, "", location.pathname);

const kinds = {
  setup: { title: "Set up BotSmith", explanation: "You are the first one here. This account administers the installation.", address: "/api/setup", done: "Done: you are signed in." },
  invite: { title: "Join the workspace", explanation: "Choose a name and a password for your account. If you have an account, sign in first and leave the password empty.", address: "/api/invitations/accept", done: "Done: you belong to the workspace." },
  reset: { title: "Choose a new password", explanation: "All your sessions end when you do.", address: "/api/password-reset", done: "Done: sign in with the new password." },
};

const at = (id) => document.getElementById(id);
const kind = kinds[purpose];
const tell = (id, text) => {
  at(id).textContent = text;
  at(id).hidden = false;
};

if (!kind || !token) {
  tell("problem", "This link is not complete. Open it exactly as it was given to you.");
} else {
  document.title = `${kind.title} · BotSmith`;
  at("title").textContent = kind.title;
  at("explanation").textContent = kind.explanation;
  for (const part of document.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(purpose);
  at("form").hidden = false;
  at("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    at("problem").hidden = true;
    at("send").disabled = true;
    const given = { token };
    for (const part of document.querySelectorAll("[data-for]:not([hidden]) input")) if (part.value) given[part.name] = part.value;
    try {
      const response = await fetch(kind.address, {
        method: "POST",
        headers: { "content-type": "application/json", "x-requested-with": "botsmith" },
        body: JSON.stringify(given),
      });
      if (response.ok) {
        at("form").hidden = true;
        tell("done", kind.done);
      at("onward").hidden = false;
        return;
      }
      tell("problem", (await response.json()).detail);
    } catch {
      tell("problem", "The server did not answer. Try again.");
    }
    at("send").disabled = false;
  });
}
