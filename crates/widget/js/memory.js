// What is kept between pages and shared by tabs: who the visitor is to the bot, what is still to be sent, and whether the
// window is open.

/** Storage for one bot. A browser that forbids it gets a conversation that ends with the page. */
function memoryOf(bot) {
  const key = `botsmith:${bot}`;
  let kept = {};
  function read() {
    try {
      kept = JSON.parse(localStorage.getItem(key)) || {};
    } catch {
      // Forbidden or spoilt: what this page knows counts.
    }
    return kept;
  }
  return {
    get: (name) => read()[name],
    set(changes) {
      kept = { ...read(), ...changes };
      try {
        localStorage.setItem(key, JSON.stringify(kept));
      } catch {
        // It lasts as long as the page.
      }
    },
    /** Calls `changed` whenever another tab has changed something. */
    watch(changed) {
      window.addEventListener("storage", (event) => { if (event.key === key) changed(); });
    },
    /** Runs `work` while no other tab runs any of its own. */
    alone: (work) => (navigator.locks ? navigator.locks.request(key, work) : work()),
  };
}
