import { afterEach, expect, test, vi } from "vitest";
import { settings } from "../lib/settings.svelte";
import { looker } from "./looks";

vi.mock("../lib/settings.svelte", () => ({ settings: { language: "en" } }));

const NOW = Date.UTC(2017, 8, 16, 0, 40);
const POSITION = { what: "position", party: "coalition", unit: "advisers", stamp: "2017-09-16T00:21:00.000Z", token_sha256: "a" };

function label(properties: Record<string, unknown>, language: "en" | "ar" = "en"): string {
  settings.language = language;
  const around = { now: NOW, language, parties: ["coalition"], late: new Set<string>(), chosen: null, labels: true };
  return looker(around)(properties).label;
}

afterEach(() => (settings.language = "en"));

test("a label says whose it is before what a party calls it", () => {
  expect(label(POSITION).replace(/[\u2066-\u2069]/g, "")).toBe("coalition advisers · 19 min");
  expect(label({ ...POSITION, unit: "russia ".repeat(20) })).toMatch(/^\u2068coalition\u2069 \u2068russia [^\u2069]*…\u2069 · /);
});

test("the parts of a label turn nothing around them, and an Arabic one runs from right to left", () => {
  expect(label(POSITION, "ar")).toMatch(/^\u2067\u2068coalition\u2069 \u2068advisers\u2069 · \u2068[^\u2068]*19[^\u2068]*\u2069\u2069$/);
  expect(label({ ...POSITION, unit: "\u202ebad\u2069" })).toContain("<U+202E>bad<U+2069>");
});

test("what is over says so", () => {
  expect(label({ what: "intent", party: "russia", from: "2017-09-15T23:00:00.000Z", until: "2017-09-16T00:00:00.000Z", over: true })).toContain("over");
});
