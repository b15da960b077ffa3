// What the visitor thinks of an answer: a thumb up or down, and a line for what was wrong.

const MOST_COMMENT = 1000;

/** `acts.rate(id, feedback)` resolves to whether it was taken; without feedback it takes back what was said. */
function ratingOf({ id, feedback }, say, acts) {
  let now = feedback || null;
  let asking = false;
  let kept = now;
  let newest = 0;
  let told = Promise.resolve(true);
  const thumb = (rating) => element("button", { type: "button", class: "thumb", "aria-label": say(rating), title: say(rating), onclick: () => choose(rating) }, icon(ICONS[rating], 16));
  const thumbs = { good: thumb("good"), bad: thumb("bad") };
  const note = element("span", { class: "heard", role: "status" });
  const why = element("input", { type: "text", maxlength: MOST_COMMENT, placeholder: say("why"), "aria-label": say("why"), dir: "auto", autocomplete: "off" });
  const form = element("form", { class: "why", onsubmit: send }, why, element("button", { type: "submit" }, say("sendComment")));
  show();
  return element("div", { class: "rating" }, element("div", { class: "thumbs" }, thumbs.good, thumbs.bad, note), form);

  function show() {
    for (const [rating, button] of Object.entries(thumbs)) button.setAttribute("aria-pressed", String(now?.rating === rating));
    form.hidden = !asking;
  }

  /** Shows at once what was chosen, and what the server has where it does not take it. Told one after the other, so that the last counts. */
  function give(next, asks) {
    const before = asking;
    const mine = ++newest;
    now = next;
    asking = asks;
    note.textContent = "";
    show();
    told = told.then(async () => {
      const taken = await acts.rate(id, next);
      if (taken) kept = next;
      else if (mine === newest) {
        now = kept;
        asking = before;
        note.textContent = say("notRated");
        show();
      }
      return taken;
    });
    return told;
  }

  /** Pressed once more, it takes back what it said. */
  function choose(rating) {
    const next = now?.rating === rating ? null : { rating };
    why.value = "";
    give(next, next?.rating === "bad");
  }

  async function send(event) {
    event.preventDefault();
    const comment = why.value.trim();
    // The line goes away under whoever wrote in it.
    thumbs.bad.focus();
    if (!comment) { asking = false; show(); return; }
    if (await give({ rating: "bad", comment }, false)) note.textContent = say("thanks");
  }
}
