// One thing that the viewer asked for: under way, failed with a reason, or done.
import { t } from "../i18n/index.svelte";
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

export function explained(error: unknown): string {
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 0) return t("error.network");
  return t("error.failed", { why: inertLine(error.message) });
}
