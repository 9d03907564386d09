import { expect, test } from "vitest";
import { calling, passable, throughUs, unseen } from "./duties";
import { delivery as of, notice } from "./sample";

const delivery = (change: Parameters<typeof of>[0] = {}): ReturnType<typeof of> => of({ addressee: "russia", ...change });

const AWAITING = { addressee: "regime", via: "russia", cell: "awaiting-forward", via_custody: "received" } as const;

test.each([
  ["it came and nobody has it before them", delivery(), true, true],
  ["a person has it before them", delivery({ displayed_at: "2017-09-16T00:36:00.000Z", cell: "displayed" }), false, false],
  ["it was answered", delivery({ cell: "wilco", owed: false, open: false }), false, false],
  ["it is only for information", delivery({ owed: false, action: false }), true, false],
  ["we are to pass it on", delivery(AWAITING), true, true],
  ["we have it before us, to pass on", delivery({ ...AWAITING, via_custody: "displayed" }), false, false],
  ["it is for somebody else", delivery({ addressee: "sdf" }), false, false],
])("%s", (_, made, isUnseen, rings) => {
  const row = notice({ deliveries: [made] });
  expect([unseen(row, "russia"), calling([row], "russia").length === 1]).toEqual([isUnseen, rings]);
  expect(calling([row], null)).toEqual([]);
});

test("what is sealed and not opened is shown to nobody", () => {
  expect(unseen(notice({ sealed: true, deliveries: [delivery()] }), "russia")).toBe(false);
  expect(unseen(notice({ sealed: true, opened: true, deliveries: [delivery()] }), "russia")).toBe(true);
});

test("what was passed on by voice can still be passed on over the channel until there is a sign of the addressee", () => {
  const voice = delivery({ ...AWAITING, cell: "forwarded-unconfirmed", forwarded_at: "2017-09-16T00:36:00.000Z", forwarded_by: "voice", unconfirmed: true });
  const waiting = delivery({ ...AWAITING, addressee: "sdf" });
  expect(throughUs(notice({ deliveries: [voice, waiting] }), "russia").map((one) => one.addressee)).toEqual(["sdf", "regime"]);
  expect([passable(waiting), passable(voice), passable({ ...voice, unconfirmed: false })]).toEqual([true, true, false]);
});
