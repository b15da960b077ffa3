// What the owner wants to know before the first message.

const CHECKS = {
  email: (value) => /^[^\s@]+@[^\s@]+\.[^\s@]{2,}$/.test(value) || "badEmail",
  phone: (value) => (/^[+]?[\d\s().\/-]+$/.test(value) && /^\D*(\d\D*){6,15}$/.test(value)) || "badPhone",
};
const AUTOCOMPLETE = { name: "name", email: "email", phone: "tel", company: "organization" };

/** A form. `send(lead)` is called with what was typed once it fits; what it throws is shown, and the visitor may try again. */
function formOf({ pre_chat, consent, welcome }, say, send) {
  const inputs = (pre_chat || []).map((field) => {
    const label = field.label || (TEXTS.en[field.name] ? say(field.name) : field.name);
    const same = { id: `field-${field.name}`, name: field.name, required: field.required, "aria-describedby": `wrong-${field.name}`, dir: "auto" };
    const input = field.type === "choice"
      ? element("select", same, ...["", ...(field.choices || [])].map((choice) => element("option", { value: choice }, choice || "–")))
      : element("input", {
        ...same, type: { email: "email", phone: "tel" }[field.type] || "text", maxlength: "200",
        autocomplete: AUTOCOMPLETE[field.name] || AUTOCOMPLETE[field.type] || "on",
      });
    const wrong = element("p", { class: "wrong", id: `wrong-${field.name}` });
    const star = field.required ? element("span", { "aria-hidden": "true" }, " *") : null;
    return { field, input, wrong, node: element("div", { class: "field" }, element("label", { for: input.id }, label, star), input, wrong) };
  });
  const agreement = consent ? agreementOf(consent) : null;
  const everything = agreement ? [...inputs, agreement] : inputs;
  const problem = element("p", { class: "wrong", role: "alert" });
  const go = element("button", { type: "submit", class: "go" }, say("start"));
  for (const part of everything) part.input.addEventListener("input", () => mark(part, ""));

  function mark({ input, wrong }, words) {
    wrong.textContent = words;
    if (words) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }

  function check(part) {
    const { field, input } = part;
    if (part === agreement) return input.checked ? "" : say("agree");
    const value = input.value.trim();
    if (!value) return field.required ? say("required") : "";
    const fits = CHECKS[field.type]?.(value) ?? true;
    return fits === true ? "" : say(fits);
  }

  async function submit(event) {
    event.preventDefault();
    problem.textContent = "";
    for (const part of everything) mark(part, check(part));
    const first = everything.find((part) => part.wrong.textContent);
    if (first) { first.input.focus(); return; }
    const typed = inputs.map(({ input }) => [input.name, input.value.trim()]).filter(([, value]) => value);
    go.disabled = true;
    try {
      await send({ ...Object.fromEntries(typed), ...(agreement ? { consent: true } : {}) });
    } catch (error) {
      refuse(error);
    }
    go.disabled = false;
  }

  /** The server found something wrong: beside the field that it names, or else below all of them. */
  function refuse(error) {
    const named = inputs.find(({ field }) => error.kind === "invalid" && error.message.startsWith(`lead: ${field.name} `));
    const words = error.kind === "invalid" ? error.message : say(error.kind in TEXTS.en ? error.kind : "unavailable");
    const fault = named && (CHECKS[named.field.type] ? { email: "badEmail", phone: "badPhone" }[named.field.type] : null);
    if (named) { mark(named, fault ? say(fault) : words); named.input.focus(); } else problem.textContent = words;
  }

  const intro = element("div", { class: "intro" });
  if (welcome) renderMarkdown(welcome, intro);
  else intro.append(say("intro"));
  return element("form", { class: "form", novalidate: true, onsubmit: submit }, intro, ...inputs.map(({ node }) => node), agreement?.node, problem, go);
}

/** The box that has to be ticked. Its words may hold a link, as to how the owner keeps what is typed. */
function agreementOf(words) {
  const input = element("input", { type: "checkbox", id: "field-consent", required: true, "aria-describedby": "wrong-consent" });
  const wrong = element("p", { class: "wrong", id: "wrong-consent" });
  const label = element("label", { for: "field-consent" });
  renderInline(words, label);
  return { field: {}, input, wrong, node: element("div", { class: "field" }, element("div", { class: "check" }, input, label), wrong) };
}
