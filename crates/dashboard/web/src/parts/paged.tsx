// A list that comes in pages.

import { useInfiniteQuery, type UseInfiniteQueryResult, type InfiniteData } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Loading, More, Wrong } from "./state";

interface Page<T> {
  items: T[];
  next?: string | null;
}

/** `load` is given where the page begins; nothing: at the start. `every`: read again after so many milliseconds. */
export function usePaged<T>(queryKey: unknown[], load: (after?: string) => Promise<Page<T>>, every?: number) {
  return useInfiniteQuery<Page<T>, Error, InfiniteData<Page<T>>, unknown[], string | undefined>({
    queryKey, initialPageParam: undefined, getNextPageParam: (page) => page.next ?? undefined, queryFn: ({ pageParam }) => load(pageParam), refetchInterval: every,
  });
}

export function Paged<T>({ of, empty, children }: { of: UseInfiniteQueryResult<InfiniteData<Page<T>>, Error>; empty: ReactNode; children: (items: T[]) => ReactNode }) {
  if (of.error && !of.data) return <Wrong error={of.error} retry={() => void of.refetch()} />;
  if (!of.data) return <Loading />;
  const items = of.data.pages.flatMap((page) => page.items);
  if (!items.length) return <>{empty}</>;
  return (
    <>
      {children(items)}
      {of.error && <Wrong error={of.error} />}
      {of.hasNextPage && <More onMore={() => void of.fetchNextPage()} busy={of.isFetchingNextPage} />}
    </>
  );
}
