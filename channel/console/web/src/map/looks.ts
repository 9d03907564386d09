// From the properties of a feature to its look: words in the viewer's language, age, and the state of its notice.
import { direction, isolated, t, word } from "../i18n/index.svelte";
import { inertLine } from "../lib/inert";
import { age, ms, shortTime } from "../lib/times";
import type { Looker } from "./canvas";

/** Of what a party wrote. */
const CHARS_MAX = 28;
const [RIGHT_TO_LEFT, POP] = [0x2067, 0x2069].map((code) => String.fromCodePoint(code)) as [string, string];
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
    const over = properties["over"] === true;
    const shown = around.labels || late || chosen;
    return {
      what,
      party: Math.max(0, around.parties.indexOf(party)),
      label: shown ? written(words(what, text, party, old, { stale, late, over }, around)) : "",
      late,
      stale,
      over,
      chosen,
      reach: reach(what, properties),
      marker: null,
    };
  };
}

interface State {
  stale: boolean;
  late: boolean;
  over: boolean;
}

/** Lines of a label, each of isolated parts. Whose it is comes first, whatever a party calls its unit. */
function words(what: string, text: (name: string) => string, party: string, old: number, state: State, around: Around): string[][] {
  const whose = [...(state.late ? [isolated(t("map.overdue"))] : []), theirs(party)].join(" ");
  const [from, until] = [text("from"), text("until")].map((at) => shortTime(ms(at), around.now));
  const over = state.over ? [isolated(t("map.over"))] : [];
  switch (what) {
    case "position": {
      const who = text("unit") ? `${whose} ${theirs(text("unit"))}` : whose;
      return [[who, isolated(age(old, around.language)), ...(state.stale ? [isolated(t("map.stale"))] : []), ...over]];
    }
    case "line":
      return [[theirs(text("title") || text("line")), ...over]];
    case "excluded":
    case "track":
      return [];
    case "finding":
      return [[word("stage", text("kind") || text("finding"), { fault: party, addressee: party })]];
    default:
      return [[whose, isolated(word("kind", text("kind") || what)), ...over], text("from") ? [isolated(`${from}–${until}`)] : []];
  }
}

/** What a party wrote. */
function theirs(text: string): string {
  const chars = [...inertLine(text)];
  return isolated(chars.length > CHARS_MAX ? `${chars.slice(0, CHARS_MAX - 1).join("")}…` : chars.join(""));
}

/** A canvas has no markup: the text itself says that it runs as the viewer's language does. */
function written(lines: readonly string[][]): string {
  const found = lines.filter((parts) => parts.length).map((parts) => parts.join(" · "));
  return found.map((line) => (direction() === "rtl" ? RIGHT_TO_LEFT + line + POP : line)).join("\n");
}

function reach(what: string, properties: Record<string, unknown>): number {
  if (what === "line") return Number(properties["precision_m"] ?? 0);
  return Number(properties["width_m"] ?? 0) / 2;
}
