// Positions as text in the viewer's system, remembered. The projections come with the map's part; until then lat/lon.
import { session } from "./session.svelte";
import type { Coordinates } from "./types";

type Places = typeof import("./places");
const KEPT_MAX = 5000;

export class Placer {
  #places = $state.raw<Places | null>(null);
  #kept = new Map<string, string>();

  constructor() {
    void import("./places").then((places) => (this.#places = places));
  }

  place([lon, lat]: readonly [number, number]): string {
    const system: Coordinates = session.coordinates;
    if (!this.#places) return "…";
    const key = `${system} ${lon} ${lat}`;
    let text = this.#kept.get(key);
    if (text === undefined) {
      if (this.#kept.size > KEPT_MAX) this.#kept.clear();
      text = this.#places.place(lon, lat, system);
      this.#kept.set(key, text);
    }
    return text;
  }
}

export const placer = new Placer();
