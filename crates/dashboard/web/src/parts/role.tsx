// What somebody may do in a workspace.

import { NativeSelect, type NativeSelectProps } from "@mantine/core";
import { useMe } from "../api/hooks";
import { useTexts } from "../texts";

/** From the least to the most. */
export const ROLES = ["viewer", "agent", "admin", "owner"] as const;
export type Role = (typeof ROLES)[number];

/** Whether whoever is signed in may do what needs this role. */
export function useMay(workspace: string, needed: Role): boolean {
  const role = useMe().data?.workspaces.find((seat) => seat.id === workspace)?.role;
  return ROLES.indexOf(role as Role) >= ROLES.indexOf(needed);
}

export function RoleSelect(props: Omit<NativeSelectProps, "data">) {
  const { word } = useTexts();
  return <NativeSelect {...props} data={ROLES.map((role) => ({ value: role, label: word("role", role) }))} />;
}
