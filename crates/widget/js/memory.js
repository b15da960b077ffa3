// What is kept between pages: who the visitor is to the bot, and whether the window is open.

/** Storage for one bot. A browser that forbids it gets a conversation that ends with the page. */
function memoryOf(bot) {
  const key = `botsmith:${bot}`;
  let kept = {};
  const read = () => {
    try {
      kept = JSON.parse(localStorage.getItem(key)) || kept;
    } catch {
      // Forbidden or spoilt: begin anew.
    }
    return kept;
  };
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
    forget() {
      kept = {};
      try {
        localStorage.removeItem(key);
      } catch {
        // Nothing was kept.
      }
    },
  };
}
