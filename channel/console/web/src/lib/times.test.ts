import { expect, test } from "vitest";
import { age, briefTime, countdown, day, dtg, local, moment, ms, period, shortTime, span, wall, zulu } from "./times";

const AT = Date.UTC(2017, 8, 16, 0, 36, 5);

test("a date-time group is Latin whatever the language", () => {
  expect([dtg(AT), zulu(AT), day(AT), dtg(Number.NaN)]).toEqual(["160036Z SEP 17", "00:36:05", "16 SEP 17", "—"]);
});

test("a deadline is passed when the time is at it", () => {
  expect([1, 1000, 0, -1000, -3_600_000].map((left) => countdown(left, "en"))).toEqual(["00:01", "00:01", "−00:00", "−00:01", "−1h\u00a000m"]);
  expect([span(59_999, "en"), span(172_800_000, "en"), countdown(Number.NaN, "en")]).toEqual(["00:59", "2d\u00a000h", ""]);
});

test("what is left is short in each language's own letters, and stays from left to right", () => {
  const lengths = [-74_220_000, 273_600_000, 10_368_000_000];
  const said = (language: string): string[] => lengths.map((left) => countdown(left, language));
  expect(said("en")).toEqual(["−20h\u00a037m", "3d\u00a004h", "120d"]);
  expect(said("ru")).toEqual(["−20ч\u00a037м", "3д\u00a004ч", "120д"]);
  expect(said("ar")).toEqual(["−20\u200eس\u200e\u00a037\u200eد\u200e", "3\u200eي\u200e\u00a004\u200eس\u200e", "120\u200eي\u200e"]);
  expect(said("ku")).toEqual(["−20s\u00a037d", "3r\u00a004s", "120r"]);
});

test("a time of another day says which", () => {
  expect(shortTime(AT, AT + 1000)).toBe("0036Z");
  expect(shortTime(AT, AT + 86_400_000)).toBe("160036Z SEP 17");
  expect([1000, 86_400_000, 86_400_000 * 30].map((later) => briefTime(AT, AT + later))).toEqual(["0036Z", "160036Z", "160036Z SEP 17"]);
});

test("what people type is read in UTC, and anything else is refused", () => {
  expect(moment("160036Z SEP 17")).toBe(Date.UTC(2017, 8, 16, 0, 36));
  expect(moment(" 2017-09-16 00:36:05 ")).toBe(AT);
  for (const bad of ["", "yesterday", "320036Z SEP 17", "162536Z SEP 17", "310036Z FEB 17", "2017-13-01 00:00", "09/16/2017"]) {
    expect(moment(bad), bad).toBeNaN();
  }
});

test("ages are words of the language, with Western digits", () => {
  expect(age(90_000, "en")).toBe("1 min");
  expect(age(7_200_000, "ar")).toMatch(/2/);
  expect([30_000, 3_840_000, 43_200_000, 172_800_000].map((past) => age(past, "ku"))).toEqual(["30\u00a0saniye", "64\u00a0deqe", "12\u00a0saet", "2\u00a0roj"]);
  expect(local(AT, "Asia/Damascus")).toMatch(/^03:36 UTC\+3$/);
  expect(local(AT, "No/Such_Zone")).toMatch(/^00:36/);
  expect(wall(AT - 1_800_000, "Asia/Damascus")).toBe("2017-09-16 03:06 UTC+3");
  expect(wall(AT - 2_400_000, "America/St_Johns")).toBe("2017-09-15 21:26 UTC-2:30");
  expect(wall(AT, "No/Such_Zone")).toBe("2017-09-16 00:36 UTC+0");
  expect(period(AT, AT + 60_000, "UTC")).toBe("160036Z SEP 17 – 160037Z SEP 17");
  expect(period(AT, AT + 60_000, "Etc/GMT-3")).toContain("(2017-09-16 03:36 UTC+3 – 2017-09-16 03:37 UTC+3)");
  expect(ms(null)).toBeNaN();
});
