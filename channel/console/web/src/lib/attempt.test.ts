import { expect, test, vi } from "vitest";
import { ApiError } from "./api";
import { Attempt, explained } from "./attempt.svelte";
import { settings } from "./settings.svelte";

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

test("what failed is said in the viewer's language with what was typed, and no code is lost", () => {
  const bare = (error: ApiError): string => explained(error).replace(/[\u2068\u2069]/g, "");
  const unread = new ApiError(400, "bad-length", "a length looks like 500m, not 'wide'", "wide\u202e");
  settings.language = "ru";
  expect(bare(unread)).toBe("Это не длина: wide<U+202E>. Пишите так: 500m, 2km или 1.5nmi.");
  expect(bare(new ApiError(401, "wrong-password", "the name or the password is wrong"))).toBe("Неверное имя или пароль.");
  expect(bare(new ApiError(0, "network", "network"))).toContain("Консоль не отвечает");
  expect(bare(new ApiError(409, "of-a-later-version", "new rule"))).toBe("Не получилось: new rule");
});
