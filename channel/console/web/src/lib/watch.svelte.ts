// What the viewer is doing on the watch page: filter, order, the notice chosen. Shared by board, map and alerts.
import type { Box, Filter, Sort } from "./order";
import { EVERYTHING } from "./order";

class Watch {
  filter = $state.raw<Filter>(EVERYTHING);
  sort = $state<Sort>("urgency");
  /** Hash of the notice chosen on board, map or in an alert. */
  chosen = $state<string | null>(null);
  /** The area drawn on the map. */
  drawn = $state.raw<Box | null>(null);

  set(change: Partial<Filter>): void {
    this.filter = { ...this.filter, ...change };
  }

  clear(): void {
    this.filter = EVERYTHING;
  }

  get filtered(): boolean {
    const { text, precedences, party, states, area, within, from, until } = this.filter;
    const timed = within !== null || from !== null || until !== null;
    return Boolean(text || precedences.length || party || states.length || area || timed);
  }
}

export const watch = new Watch();
