import { afterEach, expect, test, vi } from "vitest";
import { LEAVES_MAX, Replay } from "./replay.svelte";

vi.mock("./settings.svelte", () => ({ settings: { language: "en" } }));

const AT = Date.UTC(2017, 8, 16);

/** A server whose log has that many leaves, one a second. */
function log(size: number): number[] {
  const asked: number[] = [];
  vi.stubGlobal("fetch", (path: string) => {
    const query = new URLSearchParams(path.split("?")[1]);
    const after = Number(query.get("after"));
    if (path.includes("/events")) asked.push(after);
    const count = Math.max(0, Math.min(500, size - 1 - after));
    const events = Array.from({ length: count }, (_, step) => ({ index: after + 1 + step, at: new Date(AT + (after + 1 + step) * 1000).toISOString(), weight: 1 }));
    const view = { index: size - 1, at: new Date(AT + size * 1000).toISOString(), board: [], alerts: [], picture: { features: [] }, health: null, party: null };
    return Promise.resolve({ ok: true, json: () => Promise.resolve(path.includes("/events") ? events : view) });
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

test("a log that the slider can hold is there from its first leaf", async () => {
  log(1200);
  const replay = new Replay();
  await replay.open(null, 1199);
  expect([replay.events.length, replay.cut, replay.at]).toEqual([1200, false, AT + 1_199_000]);
});

test("of a longer log the newest leaves are there, and it says that there are more", async () => {
  const size = LEAVES_MAX + 700;
  const asked = log(size);
  const replay = new Replay();
  await replay.open(null, size - 1);
  expect([replay.events.length, replay.cut, asked[0]]).toEqual([LEAVES_MAX, true, 699]);
  expect(replay.at).toBe(AT + (size - 1) * 1000);
});
