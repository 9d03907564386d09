// From the properties of a feature to its look: words in the viewer's language, age, and the state of its notice.
import { t, word } from "../i18n/index.svelte";
import { inertLine } from "../lib/inert";
import { age, ms, shortTime } from "../lib/times";
import type { Looker } from "./canvas";

const LABEL_CHARS_MAX = 40;
/** Where the picture does not say so itself, a position counts as old after this long. */
const STALE_MS = 3_600_000;

export interface Around {
  now: number;
  language: string;
  parties: readonly string[];
  late: ReadonlySet<string>;
  chosen: string | null;
  labels: boolean;
}

export function looker(around: Around): Looker {
  return (properties) => {
    const text = (name: string): string => (typeof properties[name] === "string" ? (properties[name] as string) : "");
    const what = text("what");
    const of = text("token_sha256") || text("of");
    const party = text("party") || text("author");
    const old = around.now - ms(text("stamp"));
    const stale = what === "position" && (properties["stale"] === true || old > STALE_MS);
    const late = around.late.has(of);
    const chosen = of !== "" && of === around.chosen;
    const shown = around.labels || late || chosen;
    return {
      what,
      party: Math.max(0, around.parties.indexOf(party)),
      label: shown ? shortened(words(what, text, party, old, stale, late, around)) : "",
      late,
      stale,
      chosen,
      reach: reach(what, properties),
      marker: null,
    };
  };
}

function words(what: string, text: (name: string) => string, party: string, old: number, stale: boolean, late: boolean, around: Around): string {
  const head = late ? `${t("map.overdue")} ` : "";
  const [from, until] = [shortTime(ms(text("from")), around.now), shortTime(ms(text("until")), around.now)];
  switch (what) {
    case "position":
      return `${head}${text("unit") || party} · ${age(old, around.language)}${stale ? ` · ${t("map.stale")}` : ""}`;
    case "line":
      return text("title") || text("line");
    case "excluded":
    case "track":
      return "";
    case "finding":
      return word("stage", text("kind") || text("finding"), { fault: party, addressee: party });
    default:
      return `${head}${party} · ${word("kind", what)}\n${from}–${until}`;
  }
}

function shortened(label: string): string {
  return label.split("\n").map((line) => cut(inertLine(line))).join("\n");
}

function cut(line: string): string {
  const chars = [...line];
  return chars.length > LABEL_CHARS_MAX ? `${chars.slice(0, LABEL_CHARS_MAX - 1).join("")}…` : line;
}

function reach(what: string, properties: Record<string, unknown>): number {
  if (what === "line") return Number(properties["precision_m"] ?? 0);
  return Number(properties["width_m"] ?? 0) / 2;
}
