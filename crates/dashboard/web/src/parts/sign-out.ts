import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router-dom";
import { api, ask } from "../api/client";

/** Ends the session here, and forgets what was read in it. */
export function useSignOut() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  return async () => {
    await ask(api.DELETE("/api/session")).catch(() => undefined);
    queries.clear();
    queries.setQueryData(["me"], null);
    navigate("/sign-in");
  };
}
