// One thing that the viewer asked for: under way, failed with a reason, or done.
import { en } from "../i18n/en";
import { t, type Key } from "../i18n/index.svelte";
import { ApiError } from "./api";
import { inertLine } from "./inert";

export class Attempt {
  busy = $state(false);
  error = $state<string | null>(null);
  done = $state(false);

  /** Does nothing while it is under way: a button that starts it keeps the focus, and may be pressed again. */
  async run(act: () => Promise<void>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.error = null;
    this.done = false;
    try {
      await act();
      this.done = true;
    } catch (error) {
      this.error = explained(error);
    } finally {
      this.busy = false;
    }
    return this.done;
  }
}

/** In the viewer's language, where it has words for that code; else what the server says. */
export function explained(error: unknown): string {
  if (!(error instanceof ApiError)) throw error;
  const said = { why: inertLine(error.message), value: inertLine(error.value) };
  const key = `error.${error.code}`;
  return key in en ? t(key as Key, said) : t("error.failed", said);
}
