// Builds the pages into ../static: files under /assets whose names carry their hash, one index.html, the licences.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { licences, sizes } from "./plugins/report.js";
import { words } from "./plugins/words.js";

export default defineConfig({
  plugins: [words(), svelte(), licences(), sizes()],
  // Fonts and pictures are files of their own: the policy of the pages allows no data: fonts.
  build: { outDir: "../static", emptyOutDir: true, target: "es2022", assetsInlineLimit: 0, reportCompressedSize: false, rolldownOptions: { checks: { pluginTimings: false } } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
