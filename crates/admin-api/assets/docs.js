"use strict";
// Draws the reference from /api/openapi.json. Everything is set as text, never as HTML.

const make = (name, text, className) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
};

const resolve = (document_, schema) => {
  const name = schema?.$ref?.split("/").pop();
  return name ? document_.components.schemas[name] : schema;
};

// An example of a schema, as deep as is readable.
const example = (document_, given, depth = 0) => {
  const schema = resolve(document_, given);
  if (!schema || depth > 6) return null;
  if (schema.example !== undefined) return schema.example;
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => example(document_, part, depth)));
  const choice = (schema.oneOf || schema.anyOf || []).find((part) => part.type !== "null");
  if (choice) return example(document_, choice, depth);
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== "null") : schema.type;
  if (schema.enum) return schema.enum[0];
  if (type === "array") return [example(document_, schema.items, depth + 1)];
  if (type === "object" || schema.properties) {
    return Object.fromEntries(
      Object.entries(schema.properties || {}).map(([name, value]) => [name, example(document_, value, depth + 1)]),
    );
  }
  if (type === "integer" || type === "number") return 0;
  if (type === "boolean") return true;
  return schema.format === "uuid" ? "00000000-0000-0000-0000-000000000000" : schema.format || "…";
};

const body = (document_, heading, content) => {
  const schema = content?.["application/json"]?.schema;
  if (!schema) return [];
  return [make("h4", heading), make("pre", JSON.stringify(example(document_, schema), null, 2))];
};

const draw = (document_, method, path, operation) => {
  const details = make("details");
  const summary = make("summary");
  summary.append(make("span", method.toUpperCase(), "method"), make("code", path), make("span", ` — ${operation.summary || ""}`));
  const inside = make("div");
  for (const paragraph of (operation.description || "").split("\n\n")) inside.append(make("p", paragraph));
  if (operation.parameters?.length) {
    const table = make("table");
    for (const parameter of operation.parameters) {
      const row = make("tr");
      row.append(make("td", parameter.name), make("td", parameter.in), make("td", parameter.description || ""));
      table.append(row);
    }
    inside.append(make("h4", "Parameters"), table);
  }
  inside.append(...body(document_, "Send", operation.requestBody?.content));
  for (const [status, response] of Object.entries(operation.responses)) {
    if (status !== "default") inside.append(...body(document_, `Answer ${status}`, response.content));
  }
  details.append(summary, inside);
  details.dataset.text = `${method} ${path} ${operation.summary} ${operation.description}`.toLowerCase();
  return details;
};

const show = (document_) => {
  document.getElementById("about").textContent = document_.info.description;
  const main = document.getElementById("operations");
  main.replaceChildren();
  for (const { name } of document_.tags) {
    const section = make("section");
    section.append(make("h2", name.replaceAll("_", " ")));
    for (const [path, methods] of Object.entries(document_.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (operation.tags?.includes(name)) section.append(draw(document_, method, path, operation));
      }
    }
    main.append(section);
  }
};

document.getElementById("search").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase().split(/\s+/);
  for (const section of document.querySelectorAll("section")) {
    let some = false;
    for (const details of section.querySelectorAll("details")) {
      details.hidden = !wanted.every((word) => details.dataset.text.includes(word));
      some ||= !details.hidden;
    }
    section.hidden = !some;
  }
});

fetch("/api/openapi.json")
  .then((response) => response.json())
  .then(show)
  .catch(() => document.getElementById("operations").replaceChildren(make("p", "The description could not be read. Reload the page.")));
