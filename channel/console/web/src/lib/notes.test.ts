import { expect, test, vi } from "vitest";
import { face } from "./cells";
import { notes } from "./notes";
import { delivery } from "./sample";

vi.mock("./settings.svelte", () => ({ settings: { language: "en" } }));

const NOW = Date.UTC(2017, 8, 16, 0, 38);
const voice = delivery({
  cell: "forwarded-unconfirmed", unconfirmed: true, forwarded_by: "voice", overdue: true, due_stage: "receipt",
  told_next: "staff", told_next_at: "2017-09-16T00:39:00.000Z",
});
const said = (of: typeof voice, brief = false): string => notes(of, face(of, NOW), NOW, brief).replace(/[\u2068\u2069]/g, "");

test("what was passed on by voice stays passed on, not confirmed, when it is overdue", () => {
  expect(said(voice)).toBe("passed on, not confirmed · by voice · Staff told in 01:00");
  expect(said({ ...voice, due_stage: "answer" }, true)).toBe("passed on, not confirmed");
});

test("what the cell's word says already is not said twice", () => {
  expect(said({ ...voice, overdue: false, due_at: "2017-09-16T00:39:00.000Z" })).toBe("by voice");
});
