// What several pages ask for.

import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { api, ask, Problem, type Schemas } from "./client";
import { useIsLive } from "./live";

/** Lists are read whole up to this; more than that has pages of its own. */
export const MANY = 200;

export type Me = Schemas["Me"];

/** Who is signed in; `null`: nobody. */
export function useMe(): UseQueryResult<Me | null, Error> {
  return useQuery({
    queryKey: ["me"],
    staleTime: 60_000,
    queryFn: async () => {
      try {
        return await ask(api.GET("/api/session"));
      } catch (error) {
        if (error instanceof Problem && error.status === 401) return null;
        throw error;
      }
    },
  });
}

/** Whether mail is sent here; unknown at first. Without, links are handed over. */
export function useMail(): boolean | undefined {
  return useQuery({ queryKey: ["setup"], staleTime: 60_000, queryFn: () => ask(api.GET("/api/setup")) }).data?.mail;
}

export function useChatbot(chatbot_id: string) {
  return useQuery({ queryKey: ["chatbot", chatbot_id], queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}", { params: { path: { chatbot_id } } })) });
}

export function useChatbots(workspace_id: string, archived = false) {
  return useQuery({
    queryKey: ["chatbots", workspace_id, archived],
    queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/chatbots", { params: { path: { workspace_id }, query: { archived, limit: MANY } } })),
  });
}

const BUSY = ["pending", "indexing"];

/** Read again while something is being indexed. */
export function useSources(chatbot_id: string) {
  const live = useIsLive();
  return useQuery({
    queryKey: ["sources", chatbot_id],
    queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/sources", { params: { path: { chatbot_id }, query: { limit: MANY } } })),
    refetchInterval: ({ state }) => (state.data?.items.some((source) => BUSY.includes(source.state)) && !live ? 1_000 : 15_000),
  });
}

export function useKnowledge(chatbot_id: string) {
  return useQuery({
    queryKey: ["knowledge", chatbot_id],
    queryFn: () => ask(api.GET("/api/chatbots/{chatbot_id}/knowledge", { params: { path: { chatbot_id } } })),
    refetchInterval: ({ state }) => (state.data?.complete === false ? 2_000 : 15_000),
  });
}

/** The members, as somebody to choose from. */
export function useMembers(workspace_id: string) {
  return useQuery({
    queryKey: ["members", workspace_id, "all"], staleTime: 60_000,
    queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/members", { params: { path: { workspace_id }, query: { limit: MANY } } })),
  });
}

export function useLabels(workspace_id: string) {
  return useQuery({
    queryKey: ["labels", workspace_id], staleTime: 60_000,
    queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/labels", { params: { path: { workspace_id }, query: { limit: MANY } } })),
  });
}

export function useCannedReplies(workspace_id: string) {
  return useQuery({
    queryKey: ["canned", workspace_id], staleTime: 60_000,
    queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/canned-replies", { params: { path: { workspace_id }, query: { limit: MANY } } })),
  });
}

export function useIntegrations(chatbot_id: string) {
  return useQuery({
    queryKey: ["integrations", chatbot_id],
    queryFn: () => ask(api.GET("/api/integrations/{chatbot_id}", { params: { path: { chatbot_id } } })),
    refetchInterval: 15_000,
  });
}

export function usePlatforms() {
  return useQuery({ queryKey: ["platforms"], staleTime: Infinity, queryFn: () => ask(api.GET("/api/platforms")) });
}
