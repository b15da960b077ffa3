// The real widget on a page of its own, with the settings as they stand in the form. Only what it asks for them is answered
// here; what is written to it goes to the chatbot, and is refused where its web chat is not open for this page.

import { Box, Text, useComputedColorScheme } from "@mantine/core";
import { useDebouncedValue, useElementSize } from "@mantine/hooks";
import { useState, type SyntheticEvent } from "react";
import type { Schemas } from "../../../api/client";
import { useIntegrations } from "../../../api/hooks";
import { useTexts } from "../../../texts";
import type { Settings } from "./settings";

/** Wide enough for the widget not to cover it, as it does on a phone. */
const WIDTH = 500;
const HEIGHT = 740;
const PAGE = "<!doctype html><html><head><title>·</title></head><body></body></html>";

/** As the chat API tells them; it tells the logo only where there is a web chat. */
function told(settings: Settings, bot: Schemas["Chatbot"], web: boolean) {
  const logo = web && settings.logo && new URL(settings.logo);
  return { ...settings, name: settings.name || bot.name, logo: logo ? location.origin + logo.pathname + logo.search : null, max_characters: 4000, max_file_megabytes: 10 };
}

/** What the visitor's browser keeps, for as long as the preview stands. The window is open as if it had been left so. */
function memory(bot: string): Pick<Storage, "getItem" | "setItem"> {
  const kept = new Map([[`botsmith:${bot}`, JSON.stringify({ open: true })]]);
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
}

export function Preview({ bot, settings }: { bot: Schemas["Chatbot"]; settings: Settings }) {
  const { t, language } = useTexts();
  const scheme = useComputedColorScheme();
  const { ref, width } = useElementSize();
  const integrations = useIntegrations(bot.id);
  const web = integrations.data?.items.some((one) => one.platform === "web") ?? false;
  const [shown] = useDebouncedValue(JSON.stringify(told(settings, bot, web)), 350);
  const [begun, setBegun] = useState(false);
  const scale = Math.min(1, (width || WIDTH) / WIDTH);

  const load = ({ currentTarget: frame }: SyntheticEvent<HTMLIFrameElement>) => {
    const { contentWindow: page, contentDocument: document } = frame;
    if (!page || !document || document.querySelector("script")) return;
    document.documentElement.lang = language;
    document.title = t("widget.preview");
    document.documentElement.style.colorScheme = scheme;
    Object.defineProperty(page, "localStorage", { value: memory(bot.id) });
    page.fetch = async (address, options) => String(address).endsWith("/widget") ? new Response(shown) : fetch(address, options);
    const script = document.createElement("script");
    script.src = "/widget.js";
    script.dataset.bot = bot.id;
    document.body.append(script);
    setBegun(true);
  };

  return (
    <>
      {integrations.data && !web && <Text size="sm" mb="xs">{t("widget.notYet")}</Text>}
      <Box ref={ref} h={HEIGHT * scale} style={{ overflow: "hidden" }} aria-busy={!begun}>
        <iframe key={shown + scheme} title={t("widget.preview")} srcDoc={PAGE} onLoad={load} width={WIDTH} height={HEIGHT} style={{ border: 0, colorScheme: scheme, transform: `scale(${scale})`, transformOrigin: "0 0" }} />
      </Box>
    </>
  );
}
