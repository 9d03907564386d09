// What a build leaves beside the pages: the licences of what is in them, and a word on how much a first visit loads.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const FIRST_LOAD_BYTES_MAX = 400_000;
const PACKAGE = /node_modules\/((?:@[^/]+\/)?[^/]+)\//g;

/** licences.txt: every package whose code or fonts are in the build, with its licence text.
 * @returns {import("vite").Plugin} */
export function licences() {
  return {
    name: "licences",
    generateBundle(_, bundle) {
      const packages = new Set();
      for (const part of Object.values(bundle)) {
        const ids = part.type === "chunk" ? part.moduleIds : part.originalFileNames;
        for (const id of ids) for (const match of id.matchAll(PACKAGE)) packages.add(match[1]);
      }
      const texts = [...packages].sort().map(licence);
      this.emitFile({ type: "asset", fileName: "licences.txt", source: texts.join("\n\n") });
    },
  };
}

/** @param {string} name */
function licence(name) {
  const folder = join("node_modules", name);
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  const text = file ? readFileSync(join(folder, file), "utf8").trim() : "";
  const rule = "=".repeat(78);
  return `${rule}\n${name} ${about.version} (${about.license ?? "see below"})\n${rule}\n${text}`;
}

/** Fails a build whose first visit (page, all scripts and styles, the one font file it needs) is beyond the budget.
 * @returns {import("vite").Plugin} */
export function sizes() {
  return {
    name: "sizes",
    generateBundle(_, bundle) {
      let bytes = 0;
      const counted = [];
      for (const [name, part] of Object.entries(bundle)) {
        const first = part.type === "chunk" || name.endsWith(".css") || name.includes("plex-sans-latin-wght-normal");
        if (!first) continue;
        const packed = gzipSync(part.type === "chunk" ? part.code : part.source, { level: 9 }).length;
        counted.push(`${name} ${packed}`);
        bytes += packed;
      }
      this.info(`first load ${bytes} bytes gzipped, all pages together (at most ${FIRST_LOAD_BYTES_MAX})`);
      if (bytes > FIRST_LOAD_BYTES_MAX) this.error(`first load too large:\n${counted.join("\n")}`);
    },
  };
}
