// Waiting.

/** Resolves after a time, or as soon as the browser is online again. */
function rest(milliseconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    window.addEventListener("online", done);
    function done() {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    }
  });
}

/** Resolves as soon as the page can be seen. */
function seen() {
  return new Promise((resolve) => {
    function look() {
      if (document.visibilityState === "hidden") return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    }
    document.addEventListener("visibilitychange", look);
    look();
  });
}

/** Pauses between attempts: half a second at first, then longer, 20 seconds at most. What the server asks for counts more. */
function pauses() {
  let next = 500;
  return {
    reset() { next = 500; },
    async rest(error) {
      const asked = error?.retryAfter ? error.retryAfter * 1000 : 0;
      await rest(Math.max(asked, next * (0.75 + Math.random() / 2)));
      next = Math.min(next * 2, 20000);
    },
  };
}
