/** What else is worth knowing of a change, as `name: value`. */
export function said(details: unknown): string {
  if (typeof details !== "object" || details === null) return "";
  return Object.entries(details).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join("\n");
}
