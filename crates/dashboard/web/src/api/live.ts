// What happens in a workspace, told by the server while a page is open. Where it cannot be told, pages ask every few seconds.

import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";

/** Many events in a moment lead to one reading. */
const TOGETHER = 250;
/** After the server has refused, it is asked again so much later. */
const AGAIN = 10_000;

type Key = readonly unknown[];

interface News {
  conversations?: string[];
  chatbot?: string;
}

const LISTS: Key[] = [["conversations"], ["counts"]];
const ALL: Key[] = [...LISTS, ["conversation"], ["messages"], ["notes"], ["sources"], ["knowledge"], ["documents"], ["runs"], ["versions"]];
const ofConversations = ({ conversations = [] }: News): Key[] => [...LISTS, ...conversations.flatMap((id) => [["conversation", id], ["messages", id], ["notes", id]])];

/** What has to be read again after each kind of event. */
const STALE: Record<string, (news: News) => Key[]> = {
  sync: () => ALL,
  messages: ofConversations,
  conversations: ofConversations,
  hand_off: ofConversations,
  sources: ({ chatbot }) => [["sources", chatbot], ["knowledge", chatbot], ["documents"]],
  trial: ({ chatbot }) => [["runs", chatbot], ["versions", chatbot]],
};

let open = 0;
const listeners = new Set<() => void>();

function count(change: number) {
  open += change;
  listeners.forEach((listener) => listener());
}

/** Whether what happens is told: then there is no need to ask often. */
export function useIsLive(): boolean {
  return useSyncExternalStore((listener) => { listeners.add(listener); return () => listeners.delete(listener); }, () => open > 0);
}

/** Follows a workspace, reading again what has changed, until the function that is returned is called. */
function follow(workspace: string, queries: QueryClient): () => void {
  const stale = new Map<string, Key>();
  let source: EventSource | undefined;
  let live = false;
  let reading: number | undefined;
  let retrying: number | undefined;

  const read = () => {
    reading = undefined;
    stale.forEach((queryKey) => void queries.invalidateQueries({ queryKey }));
    stale.clear();
  };
  const hear = (keys: Key[]) => {
    keys.forEach((key) => stale.set(JSON.stringify(key), key));
    reading ??= window.setTimeout(read, TOGETHER);
  };
  const is = (now: boolean) => {
    if (live !== now) count(now ? 1 : -1);
    live = now;
  };
  const close = () => {
    window.clearTimeout(retrying);
    source?.close();
    source = undefined;
    is(false);
  };
  // A browser has few connections to one server: a tab that nobody sees keeps none.
  const begin = () => {
    if (source || document.hidden) return;
    source = new EventSource(`/api/workspaces/${workspace}/events`);
    for (const [kind, keys] of Object.entries(STALE)) {
      source.addEventListener(kind, (event) => { is(true); hear(keys(JSON.parse(event.data) as News)); });
    }
    source.onerror = () => {
      is(false);
      // A lost connection the browser makes anew; one that was refused it does not.
      if (source?.readyState === EventSource.CLOSED) {
        close();
        retrying = window.setTimeout(begin, AGAIN);
      }
    };
  };
  const seen = () => (document.hidden ? close() : begin());
  document.addEventListener("visibilitychange", seen);
  begin();
  return () => {
    document.removeEventListener("visibilitychange", seen);
    window.clearTimeout(reading);
    close();
  };
}

/** Keeps what the page shows of a workspace as it is, while the page is open. */
export function useLive(workspace?: string) {
  const queries = useQueryClient();
  useEffect(() => (workspace ? follow(workspace, queries) : undefined), [workspace, queries]);
}
