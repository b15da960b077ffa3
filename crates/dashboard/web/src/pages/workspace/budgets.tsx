import { Budgets } from "../../parts/budgets";
import { useMay } from "../../parts/role";
import { useTexts } from "../../texts";

export default function WorkspaceBudgets({ workspace }: { workspace: string }) {
  const { t } = useTexts();
  const may = useMay(workspace, "owner");
  return <Budgets of={{ workspace }} scopes={["workspace"]} may={may} note={t(may ? "budget.workspaceNote" : "role.ownersOnly")} />;
}
