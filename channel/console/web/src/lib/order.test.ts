import { expect, test } from "vitest";
import { EVERYTHING, held, lines, sameOrder, type Line } from "./order";
import { delivery, notice } from "./sample";

const NOW = Date.UTC(2017, 8, 16, 0, 38);
const keys = (found: readonly Line[]): string[] => found.map((line) => line.key);
const late = notice({ of: "late", rank: 0, author: "sdf", precedence: "ROUTINE", box: [10, 10, 11, 11], logged_at: "2017-09-10T00:00:00.000Z" });
const owed = notice({ of: "owed", index: 2 });
const soon = notice({ of: "soon", index: 3, deliveries: [delivery({ due_at: "2017-09-16T00:36:30.000Z" })] });
const ended = notice({ of: "ended", rank: 3, index: 9 });
const ROWS = [ended, owed, late, soon];

test("what is overdue is on top, then by precedence and deadline", () => {
  expect(keys(lines(ROWS, EVERYTHING, "urgency", NOW))).toEqual(["head-overdue", "late", "head-owed", "soon", "owed", "head-ended", "ended"]);
  expect(keys(lines(ROWS, EVERYTHING, "newest", NOW))[1]).toBe("late");
});

test.each([
  { precedences: ["FLASH"] as const },
  { party: "coalition" },
  { states: ["owed"] as const },
  { area: [40, 35, 41, 36] as const },
  { within: 3_600_000 },
  { text: "strike" },
])("no filter hides what is overdue: %o", (change) => {
  const found = lines(ROWS, { ...EVERYTHING, ...change, text: change.text ?? "" }, "urgency", NOW);
  const line = found.find((one) => one.key === "late");
  expect(line).toMatchObject({ kind: "row" });
  if (!("text" in change)) expect(line).toMatchObject({ outside: true });
  expect(keys(found)).toContain("owed");
});

test("a filter by area takes what overlaps and leaves what has no place", () => {
  const nowhere = notice({ of: "nowhere", box: null });
  expect(keys(lines([owed, nowhere], { ...EVERYTHING, area: [40.5, 35.5, 50, 50] }, "urgency", NOW))).toEqual(["head-owed", "owed"]);
});

test("while somebody points the order stands, contents are new, and the newly overdue come in on top", () => {
  const before = lines([owed, soon], EVERYTHING, "urgency", NOW);
  const changed = notice({ of: "owed", index: 2, rank: 3 });
  const fresh = lines([changed, soon, late], EVERYTHING, "urgency", NOW);
  const shown = held(before, fresh);
  expect(keys(shown)).toEqual(["late", "head-owed", "soon", "owed"]);
  expect(shown[3]).toMatchObject({ row: { rank: 3 } });
  expect(sameOrder(shown, fresh)).toBe(false);
});

test("5,000 rows are put in order within a frame or two", () => {
  const many = Array.from({ length: 5000 }, (_, index) => notice({ of: `n${index}`, index, rank: index % 4 }));
  expect(lines(many, EVERYTHING, "urgency", NOW)).toHaveLength(5004);
});
