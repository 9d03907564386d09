import { expect, test } from "vitest";
import { Alarm, ringing } from "./alarm.svelte";
import { causes } from "./alerts";
import { alert, notice } from "./sample";

function audible(): Alarm {
  const alarm = new Alarm();
  alarm.allowed = true;
  return alarm;
}

test("an alert sounds once, and again only after the repetition of its precedence", () => {
  const alarm = audible();
  alarm.watch(ringing([alert()]), true, 0);
  alarm.watch(ringing([alert()]), true, 29_000);
  expect(alarm.played).toBe(1);
  alarm.watch(ringing([alert()]), true, 30_000);
  expect(alarm.played).toBe(2);
});

test("what is new sounds at once, what is acknowledged or cleared is silent", () => {
  const alarm = audible();
  alarm.watch(ringing([alert()]), true, 0);
  expect(alarm.watch(ringing([alert(), alert({ id: "2" })]), true, 1000)).toHaveLength(1);
  expect(alarm.played).toBe(2);
  alarm.watch(ringing([alert({ mine: true }), alert({ id: "2", cleared_at: "2017-09-16T00:40:00.000Z" })]), true, 90_000);
  expect([alarm.played, alarm.sounding]).toEqual([2, null]);
});

test("without leave of the browser, or switched off, nothing sounds and nothing is forgotten", () => {
  const alarm = audible();
  alarm.allowed = false;
  alarm.watch(ringing([alert()]), true, 0);
  alarm.allowed = true;
  alarm.watch(ringing([alert()]), false, 10);
  expect(alarm.played).toBe(0);
  alarm.watch(ringing([alert()]), true, 20);
  expect(alarm.played).toBe(1);
});

test("alerts about one delivery are one cause, led by the one that went furthest", () => {
  const steps = [alert(), alert({ id: "2", rung: "staff" }), alert({ id: "3", stage: "expired" }), alert({ id: "4", of: "b" })];
  const found = causes(steps, "standing");
  expect(found.map((cause) => [cause.lead.id, cause.alerts.length])).toEqual([["2", 3], ["4", 1]]);
});

test("a notice that came for this desk rings until somebody has it before them", () => {
  const alarm = audible();
  expect(alarm.watch(ringing([], []), true, 0)).toEqual([]);
  expect(alarm.watch(ringing([], [notice()]), true, 1000).map((one) => one.notice?.of)).toEqual(["a"]);
  alarm.watch(ringing([], [notice()]), true, 31_000);
  expect([alarm.played, alarm.sounding]).toEqual([2, "FLASH"]);
  alarm.watch(ringing([], []), true, 62_000);
  expect([alarm.played, alarm.sounding]).toEqual([2, null]);
});
