// The viewer's language: typed keys, and Intl for everything that languages write differently.
import { settings } from "../lib/settings.svelte";
import { locale } from "../lib/times";
import type { Language } from "../lib/types";
import { ar } from "./ar";
import { en } from "./en";
import { ku } from "./ku";
import { ru } from "./ru";

export type Key = keyof typeof en;
export type Words = Record<Key, string>;

const ALL: Record<Language, Words> = { en, ru, ar, ku };
const [ISOLATE, POP] = [0x2068, 0x2069].map((code) => String.fromCodePoint(code)) as [string, string];
const RIGHT_TO_LEFT = new Set<Language>(["ar"]);

/** A value that turns nothing that stands around it, whichever way it runs. */
export function isolated(value: string | number): string {
  return ISOLATE + value + POP;
}

/** The sentence for a key, `{name}` replaced. Values are isolated, so that none turns what stands around it. */
export function t(key: Key, values?: Record<string, string | number>): string {
  const sentence = ALL[settings.language][key];
  if (!values) return sentence;
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : isolated(value);
  });
}

/** A code that other versions may extend: its word, or the code itself. */
export function word(family: string, code: string, values?: Record<string, string | number>): string {
  const key = `${family}.${code}`;
  return key in en ? t(key as Key, values) : code;
}

const formats = new Map<string, Intl.NumberFormat>();

export function number(value: number): string {
  // To make a format takes a hundred times as long as to use it.
  const name = locale(settings.language);
  let format = formats.get(name);
  if (!format) {
    format = new Intl.NumberFormat(name);
    formats.set(name, format);
  }
  return format.format(value);
}

export function bytes(value: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
  let step = 0;
  let left = value;
  while (left >= 1000 && step < units.length - 1) [left, step] = [left / 1000, step + 1];
  const options = { style: "unit", unit: units[step]!, maximumFractionDigits: left < 10 && step ? 1 : 0 } as const;
  return new Intl.NumberFormat(locale(settings.language), options).format(left);
}

export function direction(): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.has(settings.language) ? "rtl" : "ltr";
}
