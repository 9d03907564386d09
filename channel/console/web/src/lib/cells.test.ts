import { expect, test } from "vitest";
import { face, fitting, pressing } from "./cells";
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

test("whoever has not answered has a cell, however narrow the board is", () => {
  const [russia, regime] = ["russia", "regime"].map((addressee) => delivery({ addressee, cell: "wilco", open: false, owed: false }));
  const sdf = delivery({ addressee: "sdf", overdue: true, cell: "logged" });
  const told = delivery({ addressee: "coalition", action: false, owed: false, cell: "told", open: false });
  const all = [russia!, regime!, told, sdf];
  const shown = (room: number): string[] => fitting(all, room, 150, 4, 30).shown.map((one) => one.addressee);
  expect(shown(612)).toEqual(["russia", "regime", "coalition", "sdf"]);
  expect(shown(611)).toEqual(["sdf", "russia", "regime"]);
  expect(shown(400)).toEqual(["sdf", "russia"]);
  expect(shown(200)).toEqual(["sdf"]);
  expect(shown(0)).toEqual(["sdf"]);
  expect(fitting(all, 400, 150, 4, 30).rest).toEqual([regime, told]);
});

test("what is only owed comes after what is overdue and before what is done", () => {
  const done = delivery({ addressee: "russia", cell: "wilco", open: false, owed: false });
  const owed = delivery({ addressee: "regime" });
  const never = delivery({ addressee: "sdf", cell: "expired", open: false, owed: false });
  expect(fitting([done, owed, never], 338, 150, 4, 30).shown).toEqual([never, owed]);
});
