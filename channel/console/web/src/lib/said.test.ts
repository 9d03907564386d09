import { expect, test, vi } from "vitest";
import { said } from "./said";
import { settings } from "./settings.svelte";

vi.mock("./settings.svelte", () => ({ settings: { language: "en" } }));

const facts = [
  { code: "stage.overlap", values: {} },
  { code: "said.notice-of", values: { kind: "intent", party: "coalition" } },
  { code: "measure.distance-m", values: { value_m: 3500 } },
  { code: "measure.later-version", values: { value_count: 3 } },
];

test("English is the channel's own sentence", () => {
  settings.language = "en";
  expect(said("an intent of coalition overlaps", facts, 0)).toBe("an intent of coalition overlaps");
});

test("another language is made of the facts, with units; a code of a later version is shown, not lost", () => {
  settings.language = "ru";
  const bare = said("an intent", facts, 0).replace(/[\u2068\u2069]/g, "");
  expect(bare).toBe("РАЙОНЫ ПЕРЕСЕКАЮТСЯ · Намерение (coalition) · между ними 3,5 km · measure.later-version 3");
});
