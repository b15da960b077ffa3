// What the parts of the leads page ask for.

import { useQuery } from "@tanstack/react-query";
import { api, ask, type Schemas } from "../../api/client";
import { MANY } from "../../api/hooks";

export type Lead = Schemas["Lead"];
export type Stage = Schemas["LeadStage"];

export function useStages(workspace_id: string) {
  return useQuery({ queryKey: ["lead-stages", workspace_id], queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/lead-stages", { params: { path: { workspace_id } } })) });
}

export function useMembers(workspace_id: string) {
  return useQuery({ queryKey: ["members", workspace_id, "all"], queryFn: () => ask(api.GET("/api/workspaces/{workspace_id}/members", { params: { path: { workspace_id }, query: { limit: MANY } } })) });
}

export const called = (lead: Pick<Lead, "name" | "email" | "phone" | "id">) => lead.name || lead.email || lead.phone || lead.id;
