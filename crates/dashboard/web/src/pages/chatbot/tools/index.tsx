import { Stack } from "@mantine/core";
import type { Schemas } from "../../../api/client";
import { useMay } from "../../../parts/role";
import { Actions } from "./actions";
import { Servers } from "./servers";

export default function Tools({ bot }: { bot: Schemas["Chatbot"] }) {
  const may = useMay(bot.workspace_id, "admin");
  return <Stack><Actions bot={bot} may={may} /><Servers bot={bot} may={may} /></Stack>;
}
