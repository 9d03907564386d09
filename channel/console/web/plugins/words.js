// A language that lacks a key of English, or has one that English lacks, does not build.
import { readFileSync } from "node:fs";

const KEY = /^ {2}"([^"]+)":/gm;

/** @returns {import("vite").Plugin} */
export function words() {
  return {
    name: "words",
    buildStart() {
      const [english, ...others] = ["en", "ru", "ar", "ku"].map(keys);
      for (const other of others) {
        const missing = english.found.filter((key) => !other.found.includes(key));
        const unknown = other.found.filter((key) => !english.found.includes(key));
        if (missing.length || unknown.length) {
          this.error(`src/i18n/${other.language}.ts: missing ${missing.join(", ") || "-"}; unknown ${unknown.join(", ") || "-"}`);
        }
      }
    },
  };
}

/** @param {string} language */
function keys(language) {
  const text = readFileSync(new URL(`../src/i18n/${language}.ts`, import.meta.url), "utf8");
  return { language, found: [...text.matchAll(KEY)].map((match) => match[1]) };
}
