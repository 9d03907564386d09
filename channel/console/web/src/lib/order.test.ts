import { expect, test } from "vitest";
import { EVERYTHING, held, lines, sameOrder, type Line } from "./order";
import { delivery, notice } from "./sample";

const NOW = Date.UTC(2017, 8, 16, 0, 38);
const keys = (found: readonly Line[]): string[] => found.map((line) => line.key);
const late = notice({ of: "late", rank: 0, author: "sdf", precedence: "ROUTINE", box: [10, 10, 11, 11], logged_at: "2017-09-10T00:00:00.000Z" });
const owed = notice({ of: "owed", index: 2, deliveries: [delivery({ due_at: "2017-09-16T00:45:00.000Z" })] });
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

const routine = notice({ of: "routine", index: 4, precedence: "ROUTINE", deliveries: [delivery({ due_at: "2017-09-16T00:39:30.000Z" })] });

test("no filter hides an answer that FLASH or IMMEDIATE is owed, or that is due within a minute", () => {
  const flash = notice({ of: "flash", index: 5, box: null, deliveries: [delivery({ due_at: "2017-09-16T02:00:00.000Z" })] });
  const filter = { ...EVERYTHING, text: "nothing has this" };
  const found = (now: number): string[] => keys(lines([routine, flash, ended], filter, "author", now));
  expect(found(NOW)).toEqual(["head-owed", "flash"]);
  expect(found(NOW + 30_000)).toEqual(["head-owed", "flash", "routine"]);
  expect(lines([flash], filter, "urgency", NOW)[1]).toMatchObject({ outside: true });
});

test("whatever the order, what is urgent is on top of what is owed", () => {
  const other = notice({ of: "other", index: 6, author: "a", precedence: "PRIORITY", deliveries: [delivery({ due_at: "2017-09-16T09:00:00.000Z" })] });
  expect(keys(lines([other, owed, routine], EVERYTHING, "author", NOW))).toEqual(["head-owed", "owed", "other", "routine"]);
});

test("a filter by time takes what is in effect then, or was logged then if it has no window", () => {
  const window = notice({ of: "window", rank: 3, begins_at: "2017-09-16T02:00:00.000Z", ends_at: "2017-09-16T03:00:00.000Z" });
  const logged = notice({ of: "logged", rank: 3, logged_at: "2017-09-16T02:30:00.000Z" });
  const endless = notice({ of: "endless", rank: 3, begins_at: "2017-09-16T01:00:00.000Z" });
  const at = (from: number | null, until: number | null): string[] => {
    const hour = (of: number | null): number | null => (of === null ? null : Date.UTC(2017, 8, 16, of));
    return keys(lines([window, logged, endless], { ...EVERYTHING, from: hour(from), until: hour(until) }, "newest", NOW)).slice(1).sort();
  };
  expect(at(3, null)).toEqual(["endless", "window"]);
  expect(at(2, 3)).toEqual(["endless", "logged", "window"]);
  expect(at(null, 1)).toEqual(["endless"]);
  expect(at(null, 0)).toEqual([]);
});

test("the nearest to the area drawn comes first, what has no place last", () => {
  const rows = [["far", [44, 38, 44, 38]], ["near", [40, 35, 40.2, 35.2]], ["nowhere", null]] as const;
  const found = rows.map(([of, box]) => notice({ of, rank: 2, box: box as never }));
  expect(keys(lines(found, EVERYTHING, "nearest", NOW, [40, 35, 40.1, 35.1])).slice(1)).toEqual(["near", "far", "nowhere"]);
  expect(lines(found, EVERYTHING, "nearest", NOW)).toHaveLength(4);
});

test("a filter by area takes what overlaps and leaves what has no place", () => {
  const nowhere = notice({ of: "nowhere", rank: 2, box: null });
  expect(keys(lines([owed, nowhere], { ...EVERYTHING, area: [40.5, 35.5, 50, 50] }, "urgency", NOW))).toEqual(["head-owed", "owed"]);
});

test("while somebody points the order stands, contents are new, and what is urgent and new comes in on top", () => {
  const before = lines([owed, soon], EVERYTHING, "urgency", NOW);
  const changed = notice({ of: "owed", index: 2, rank: 3 });
  const fresh = lines([changed, soon, late], EVERYTHING, "urgency", NOW);
  const shown = held(before, fresh, NOW);
  expect(keys(shown)).toEqual(["late", "head-owed", "soon", "owed"]);
  expect(shown[3]).toMatchObject({ row: { rank: 3 } });
  expect(sameOrder(shown, fresh)).toBe(false);
  const flash = notice({ of: "flash", index: 7, deliveries: [delivery({ due_at: "2017-09-16T00:45:00.000Z" })] });
  const calm = notice({ of: "calm", index: 8, rank: 2 });
  expect(keys(held(before, lines([owed, soon, flash, calm], EVERYTHING, "urgency", NOW), NOW))).toEqual(["flash", ...keys(before)]);
});

test("5,000 rows are put in order within a frame or two", () => {
  const many = Array.from({ length: 5000 }, (_, index) => notice({ of: `n${index}`, index, rank: index % 4 }));
  expect(lines(many, EVERYTHING, "urgency", NOW)).toHaveLength(5004);
});
