import { expect, test } from "vitest";
import { mixed, parts } from "./phrase";

test("the phrasebook's words and the author's own are told apart", () => {
  const row = { says: { en: "Cease fire.\nOur people\nare there." , ar: "أوقفوا إطلاق النار.\nOur people\nare there." }, text: "Our people\nare there." };
  expect(parts(row as never, "ar")).toEqual({ phrase: "أوقفوا إطلاق النار.", own: "Our people\nare there." });
  expect(parts({ says: { en: "Strike" }, text: "" } as never, "en")).toEqual({ phrase: "Strike", own: "" });
  expect(parts({ says: { en: "Hold" }, text: "Hold" } as never, "en")).toEqual({ phrase: "", own: "Hold" });
  expect(parts({ says: {}, text: "Hold" } as never, "en")).toEqual({ phrase: "", own: "Hold" });
});

test("a text is mixed when its parts run in different directions", () => {
  expect(["أوقفوا إطلاق النار على Al-Sinaaiya", "الوقت: 0410Z", "أوقفوا", "Hold all fire, 0410Z", "Огонь"].map(mixed)).toEqual([true, true, false, false, false]);
});
