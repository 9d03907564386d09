import { expect, test } from "vitest";
import { lineAt, offsets, reveal, visible } from "./window";

const TOPS = offsets(Array.from({ length: 5000 }, (_, index) => (index % 10 === 0 ? 30 : 84)));

test("only what is in view is drawn, with a few to spare", () => {
  const span = visible(TOPS, 100_000, 900);
  expect(span.end - span.first).toBeLessThan(25);
  expect(TOPS[span.first]!).toBeLessThan(100_000);
  expect(TOPS[span.end]!).toBeGreaterThan(100_900);
});

test("the ends, and a list of nothing", () => {
  expect(visible(TOPS, 0, 900).first).toBe(0);
  expect(visible(TOPS, 1e9, 900).end).toBe(5000);
  expect(visible(offsets([]), 0, 900)).toEqual({ first: 0, end: 0 });
  expect([lineAt(TOPS, 0), lineAt(TOPS, 30), lineAt(TOPS, 29.9)]).toEqual([0, 1, 0]);
});

test("showing a line moves as little as possible", () => {
  expect(reveal(TOPS, 5, 0, 900)).toBe(0);
  expect(reveal(TOPS, 100, 0, 900)).toBe(TOPS[101]! - 900);
  expect(reveal(TOPS, 1, 5000, 900)).toBe(30);
});
