import { expect, test } from "vitest";
import { face, pressing } from "./cells";
import { delivery, notice } from "./sample";

const DUE = Date.parse("2017-09-16T00:37:00.000Z");

test.each([
  ["overdue", delivery({ overdue: true }), DUE + 1, "late", "overdue", "late.answer"],
  ["not passed on", delivery({ overdue: true, due_stage: "forward", cell: "awaiting-forward" }), DUE + 1, "late", "awaiting-forward", "late.forward"],
  ["at its deadline", delivery(), DUE, "late", "overdue", "late.answer"],
  ["near", delivery(), DUE - 30_000, "near", "received", "cell.received"],
  ["owed", delivery(), DUE - 120_000, "owed", "received", "cell.received"],
  ["answered", delivery({ cell: "wilco", open: false, owed: false }), DUE, "good", "wilco", "cell.wilco"],
  ["refused", delivery({ cell: "unable", open: false, owed: false }), DUE, "bad", "unable", "cell.unable"],
  ["never answered", delivery({ cell: "expired", open: false }), DUE, "late", "expired", "cell.expired"],
  ["only told", delivery({ cell: "told", open: false, owed: false }), DUE, "dim", "told", "cell.told"],
])("%s has a shape, a word and a tone of its own", (_, of, now, tone, shape, word) => {
  const found = face(of, now);
  expect([found.tone, found.shape, found.word.join(".")]).toEqual([tone, shape, word]);
});

test("what is overdue presses more than what falls due", () => {
  const soon = delivery({ addressee: "sdf", due_at: "2017-09-16T00:30:00.000Z" });
  const late = delivery({ overdue: true });
  expect(pressing(notice({ deliveries: [soon, late] }))).toBe(late);
  expect(pressing(notice({ deliveries: [delivery({ open: false })] }))).toBeNull();
});
