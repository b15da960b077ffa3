// The API as its own description has it, and what went wrong as a thing with words.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

export const api = createClient<paths>({ baseUrl: location.origin, headers: { "x-requested-with": "dashboard" } });
// Mails are written in the language that is read here, which need not be the browser's.
api.use({ onRequest: ({ request }) => request.headers.set("accept-language", document.documentElement.lang) });

/** A problem+json, or what stands in for one when the server did not answer. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly requestId?: string,
    readonly field?: string | null,
  ) {
    super(detail);
  }
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Called when the server says that nobody is signed in. */
let onSignedOut = () => {};
export function whenSignedOut(call: () => void) {
  onSignedOut = call;
}

function problemOf(response: Response, said: unknown): Problem {
  const body = (typeof said === "object" && said ? said : {}) as Partial<Schemas["Problem"]>;
  const id = body.request_id ?? response.headers.get("x-request-id") ?? undefined;
  return new Problem(response.status, body.detail || `${response.status} ${response.statusText}`, id, body.field);
}

/** What was asked for; throws a `Problem`. */
export async function ask<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data } = await askWhole(call);
  return data as T;
}

/** The same with the status, where one address gives two kinds of answers. */
export async function askWhole<T>(call: Promise<Answer<T>>): Promise<{ data: T | undefined; status: number }> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch {
    throw new Problem(0, "offline");
  }
  if (!answer.response.ok) {
    if (answer.response.status === 401) onSignedOut();
    throw problemOf(answer.response, answer.error);
  }
  return { data: answer.data, status: answer.response.status };
}

/** Bytes as they are, for the addresses that take files. */
export const asBytes = {
  headers: { "content-type": "application/octet-stream" },
  bodySerializer: (body: unknown) => body as BodyInit,
};

/** A file where the description says "bytes". */
export function bytes(file: Blob): number[] {
  return file as unknown as number[];
}
