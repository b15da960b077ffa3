import type { Schemas } from "../api/client";
import { useTexts } from "../texts";

/** What to call the person of a conversation: as they call themselves, else by what is known. */
export function useNames() {
  const { t } = useTexts();
  return ({ contact }: Pick<Schemas["Conversation"], "contact">) => {
    const visitor = /^visitor:c_(.{6})/.exec(contact.key);
    return contact.name || contact.email || contact.phone || (visitor ? t("inbox.visitor", { id: visitor[1] ?? "" }) : contact.key);
  };
}
