import { expect, test, vi } from "vitest";
import { Attempt } from "./attempt.svelte";

vi.mock("./settings.svelte", () => ({ settings: { language: "en" } }));

test("what is under way is not started a second time", async () => {
  const attempt = new Attempt();
  let finish = (): void => undefined;
  const first = attempt.run(() => new Promise<void>((done) => (finish = done)));
  const second = vi.fn(async () => undefined);
  expect(await attempt.run(second)).toBe(false);
  expect(second).not.toHaveBeenCalled();
  finish();
  expect(await first).toBe(true);
  expect(await attempt.run(second)).toBe(true);
});
