// Doing something that changes what is shown.

import { useMutation, useQueryClient } from "@tanstack/react-query";

/** A mutation after which what begins with these keys is read again. */
export function useAct<Input, Output>(run: (input: Input) => Promise<Output>, ...stale: unknown[][]) {
  const queries = useQueryClient();
  return useMutation<Output, Error, Input>({
    mutationFn: run,
    // Part of it may have been done before it failed.
    onSettled: () => Promise.all(stale.map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
}
