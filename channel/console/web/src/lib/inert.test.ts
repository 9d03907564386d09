import { expect, test } from "vitest";
import { inert, inertLine } from "./inert";

test("what is not seen is spelled out", () => {
  expect(inert("a\u202eb\u0000c\u200bd\ufeffe")).toBe("a<U+202E>b<U+0000>c<U+200B>d<U+FEFF>e");
  expect(inert("\u{e0041}x")).toBe("<U+E0041>x");
  expect(inertLine("one\ntwo\tthree\u2028four")).toBe("one two three four");
});

test("markup stays the text it is", () => {
  expect(inert("<script>alert(1)</script>")).toBe("<script>alert(1)</script>");
});

test("an isolate that is closed stays, any other control is spelled", () => {
  expect(inert("to \u2068ridge\u2069!")).toBe("to \u2068ridge\u2069!");
  expect(inert("\u2069\u2068open")).toBe("<U+2069><U+2068>open");
  expect(inert("\u2068a\u202eb\u2069")).toBe("\u2068a<U+202E>b\u2069");
  expect(inert("\u2068a\nb\u2069")).toBe("<U+2068>a\nb<U+2069>");
});

test("joiners shape letters and stay", () => {
  expect(inert("نمی\u200cخواهم")).toBe("نمی\u200cخواهم");
});
