import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `npm run dev` and `vite preview` find BotSmith itself. */
const backend = process.env.BOTSMITH_URL || "http://127.0.0.1:8080";
const proxy = Object.fromEntries(["/api", "/link", "/v1", "/widget.js"].map((path) => [path, { target: backend }]));

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // The folder itself is committed, with a .gitignore in it.
    emptyOutDir: false,
    // Fonts and pictures as files of ours: the Content-Security-Policy allows no data: addresses but for pictures.
    assetsInlineLimit: 0,
    sourcemap: false,
  },
  server: { host: "127.0.0.1", proxy },
  preview: { host: "127.0.0.1", proxy },
});
