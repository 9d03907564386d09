// Replay: a moment of the log, played on. The past comes whole from the server; between two leaves only the clock goes.
import { explained } from "./attempt.svelte";
import { get } from "./api";
import { Scene } from "./scene.svelte";
import { ms, wire } from "./times";
import type { LeafEvent, View } from "./types";

export const SPEEDS = [1, 10, 60, 300, 1800, 3600] as const;
const FRAME_MS = 100;
/** So many leaves are on the slider, the newest: what is older is replayed by `channel replay`. */
export const LEAVES_MAX = 100_000;
const PAGE = 500;

export class Replay {
  readonly scene = new Scene();
  events = $state.raw<readonly LeafEvent[]>([]);
  /** The moment shown. */
  at = $state(Number.NaN);
  playing = $state(false);
  speed = $state<number>(60);
  as = $state<string | null>(null);
  failed = $state<string | null>(null);
  loading = $state(false);
  /** Whether the log has more leaves than the slider. */
  cut = $state(false);

  #timer: ReturnType<typeof setInterval> | undefined;
  #last = 0;
  #asked = 0;
  #newest = -1;
  #wanted: number | null = null;
  #stamps = $state.raw<readonly number[]>([]);

  get begin(): number {
    return this.#stamps[0] ?? Number.NaN;
  }

  get end(): number {
    return this.#stamps[this.#stamps.length - 1] ?? Number.NaN;
  }

  get ready(): boolean {
    return this.events.length > 0;
  }

  /** Reads which leaves there are up to the newest known, then shows the moment asked for, or the newest. */
  async open(at: number | null, newest: number): Promise<void> {
    const found: LeafEvent[] = [];
    const before = Math.max(-1, newest - LEAVES_MAX);
    this.#newest = newest;
    try {
      // One page more than there should be: the log goes on meanwhile.
      for (let page = 0; page <= LEAVES_MAX / PAGE; page++) {
        const after = found.length ? found[found.length - 1]!.index : before;
        const more = await get<LeafEvent[]>("/api/v1/events", { after: String(after), as: this.as });
        if (!more.length) break;
        found.push(...more);
      }
      this.#stamps = found.map((event) => ms(event.at));
      this.events = found;
      this.cut = before >= 0;
      await this.show(at ?? this.end);
    } catch (error) {
      this.failed = explained(error);
    }
  }

  /** Goes to a moment: the clock at once, the rest as soon as the server has it; only the newest wish is fetched. */
  async show(at: number): Promise<void> {
    if (!Number.isFinite(at)) return;
    this.at = Math.min(Math.max(at, this.begin), this.end);
    this.scene.setNow(this.at);
    this.#wanted = this.at;
    if (this.loading) return;
    this.loading = true;
    try {
      while (this.#wanted !== null) {
        const moment: number = this.#wanted;
        this.#wanted = null;
        const view = await get<View>("/api/v1/view", { at: wire(moment), as: this.as });
        this.#asked = this.#indexAt(moment);
        this.scene.show(view);
        this.scene.setNow(this.at);
        this.failed = null;
      }
    } catch (error) {
      this.failed = explained(error);
    } finally {
      this.loading = false;
    }
  }

  async see(as: string | null): Promise<void> {
    this.as = as;
    await this.open(this.at, this.#newest);
  }

  play(): void {
    if (this.playing) return this.pause();
    if (this.at >= this.end) void this.show(this.begin);
    this.playing = true;
    this.#last = performance.now();
    this.#timer = setInterval(() => this.#step(), FRAME_MS);
  }

  pause(): void {
    this.playing = false;
    clearInterval(this.#timer);
  }

  #step(): void {
    const now = performance.now();
    const next = Math.min(this.at + (now - this.#last) * this.speed, this.end);
    this.#last = now;
    if (next >= this.end) this.pause();
    // Without a leaf in between nothing but the clock differs.
    if (this.#indexAt(next) !== this.#asked) void this.show(next);
    else {
      this.at = next;
      this.scene.setNow(next);
    }
  }

  /** The next (or earlier) event that matters: an alert, a finding, a notice or an answer. */
  jump(step: 1 | -1): void {
    const from = this.#indexAt(this.at);
    for (let at = from + step; at >= 0 && at < this.events.length; at += step) {
      const event = this.events[at]!;
      if (event.weight > 0 && (step > 0 ? ms(event.at) > this.at : ms(event.at) < this.at)) return void this.show(ms(event.at));
    }
    void this.show(step > 0 ? this.end : this.begin);
  }

  /** Position in `events` of the last leaf at or before a moment. */
  #indexAt(at: number): number {
    let low = -1;
    let high = this.#stamps.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#stamps[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The last events up to the moment shown, newest first. */
  recent(count: number): LeafEvent[] {
    const at = this.#indexAt(this.at);
    return this.events.slice(Math.max(0, at - count + 1), at + 1).reverse();
  }
}
