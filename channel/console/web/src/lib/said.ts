// What the channel says, in the viewer's language: from the facts that the server gives beside its English sentence.
import { en } from "../i18n/en";
import { number, t, word, type Key } from "../i18n/index.svelte";
import { metres } from "./measures";
import { settings } from "./settings.svelte";
import { age, ms, shortTime } from "./times";
import type { Fact } from "./types";

/** In English the channel's own sentence, word for word; else its facts, one after the other. */
export function said(english: string, facts: readonly Fact[], now: number): string {
  return settings.language === "en" || !facts.length ? english : facts.map((fact) => one(fact, now)).join(" · ");
}

function one(fact: Fact, now: number): string {
  const values = Object.fromEntries(Object.entries(fact.values).map(([name, value]) => [plain(name), shown(name, value, now)]));
  // A code that this console does not know yet is shown with what comes with it, rather than not at all.
  return fact.code in en ? t(fact.code as Key, values) : [fact.code, ...Object.values(values)].join(" ");
}

const UNITS = ["_cm_s", "_ms", "_at", "_m", "_s", "_count"];

function plain(name: string): string {
  const unit = UNITS.find((ending) => name.endsWith(ending));
  return unit ? name.slice(0, -unit.length) : name;
}

/** By the unit at the end of a value's name. */
function shown(name: string, value: string | number, now: number): string {
  if (name === "kind") return word("kind", String(value));
  switch (UNITS.find((ending) => name.endsWith(ending))) {
    case "_cm_s":
      return `${number(Number(value) / 100)} m/s`;
    case "_ms":
      return age(Number(value), settings.language);
    case "_s":
      return age(Number(value) * 1000, settings.language);
    case "_at":
      return shortTime(ms(String(value)), now);
    case "_m":
      return metres(Number(value));
    default:
      return typeof value === "number" ? number(value) : value;
  }
}
