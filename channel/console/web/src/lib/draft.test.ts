import { expect, test } from "vitest";
import { asked, asksReadBack, blank, readers, urgent } from "./draft";

const ROUTES = { russia: "to:", regime: "to:russia", sdf: "info" };

test("everybody goes the way that was chosen, and directly only if that was", () => {
  const found = asked({ ...blank(), routes: ROUTES, kind: "text", text: " Hold. " }, null);
  expect([found.to, found.info, found.text]).toEqual([["russia:", "regime:russia"], ["sdf"], "Hold."]);
  expect(readers(ROUTES)).toEqual([["russia", ["regime"]]]);
});

test("an intent asks for WILCO or UNABLE, a FLASH with a place for a read-back, unless it was said otherwise", () => {
  const flash = { ...blank(), routes: ROUTES, kind: "intent", precedence: "FLASH", at: "37S" } as const;
  expect([asked(flash, null).response, asked(flash, null).read_back, urgent(flash)]).toEqual(["WU", true, true]);
  expect([asked({ ...flash, response: "R" }, null).response, asksReadBack({ ...flash, readBack: false })]).toEqual(["R", false]);
  expect(asksReadBack({ ...flash, kind: "text" })).toBe(false);
  expect(asked({ ...flash, routes: { sdf: "info" } }, null).response).toBeUndefined();
});

test("nothing is asked of a unit's position, since the next takes its place, unless it is said or read back", () => {
  const position = { ...blank(), routes: ROUTES, at: "37S", unit: "alpha" } as const;
  const responses = [position, { ...position, unit: " " }, { ...position, response: "R" }, { ...position, precedence: "FLASH" }] as const;
  expect(responses.map((draft) => asked(draft, null).response)).toEqual(["NE", "R", "R", "R"]);
});

test("a place is a position, a path or an area as typed, or the area drawn", () => {
  const draft = { ...blank(), at: "a", radius: "2km", path: "a\nb ,800m", polygon: "a;b\n\nc", until: "+1h" };
  expect(asked(draft, null)).toMatchObject({ at: "a", radius: "2km", from: "now", until: "+1h" });
  expect(asked({ ...draft, where: "path" }, null)).toMatchObject({ path: "a; b ,800m" });
  expect(asked({ ...draft, where: "path" }, null).at).toBeUndefined();
  expect(asked({ ...draft, where: "area" }, null)).toMatchObject({ polygon: "a; b; c" });
  expect(asked({ ...draft, where: "drawn" }, [1, 2, 3, 4]).area).toMatchObject({ type: "Polygon" });
});
