// Everything the screens show at one moment: rows by key, and the channel's clock. One for live, one for replay.
import { ms } from "./times";
import type { AlertRow, Change, Health, NoticeRow, Picture, View } from "./types";

const FLUSH_MS = 250;
/** Between two words of the server the clock goes on by itself for this long, and then stands. */
const OWN_CLOCK_MS = 1500;

export class Scene {
  board = $state.raw<readonly NoticeRow[]>([]);
  alerts = $state.raw<readonly AlertRow[]>([]);
  picture = $state.raw<Picture>({ type: "FeatureCollection", features: [] });
  health = $state.raw<Health | null>(null);
  index = $state(-1);
  /** The newest leaf that `board` and `alerts` show: `index`, once it is drawn. */
  drawn = $state(-1);
  /** The channel's time now; NaN before anything was seen. */
  now = $state(Number.NaN);
  party = $state<string | null>(null);
  loaded = $state(false);

  #board = new Map<string, NoticeRow>();
  #alerts = new Map<string, AlertRow>();
  #features = new Map<unknown, Picture["features"][number]>();
  #base = Number.NaN;
  #heard = 0;
  #waiting = false;
  #alerted = true;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Takes a whole view in the place of what was there. */
  show(view: View): void {
    this.#board = new Map(view.board.map((row) => [row.of, row]));
    this.#alerts = new Map(view.alerts.map((row) => [row.id, row]));
    this.#alerted = true;
    this.#features = new Map(view.picture.features.map((feature) => [feature["id"], feature]));
    this.picture = view.picture;
    this.health = view.health;
    this.index = view.index;
    this.party = view.party;
    this.tick(view.at);
    this.#publish();
    this.loaded = true;
  }

  /** Takes in what changed; drawn with the next frame, many changes together. */
  take(change: Change): void {
    for (const row of change.board) this.#board.set(row.of, row);
    for (const of of change.board_gone) this.#board.delete(of);
    this.#alerted ||= change.alerts.length + change.alerts_gone.length > 0;
    for (const row of change.alerts) this.#alerts.set(row.id, row);
    for (const id of change.alerts_gone) this.#alerts.delete(id);
    this.#draw(change);
    if (change.health) this.health = change.health;
    this.index = change.index;
    this.tick(change.at);
    if (this.#waiting) return;
    this.#waiting = true;
    const draw = (): void => {
      if (this.#waiting) this.#publish();
    };
    requestAnimationFrame(draw);
    // A hidden tab draws no frames, and its alarm sounds all the same.
    this.#timer = setTimeout(draw, FLUSH_MS);
  }

  #draw(change: Change): void {
    if (!change.picture && !change.picture_gone.length) return;
    for (const feature of change.picture?.features ?? []) this.#features.set(feature["id"], feature);
    for (const id of change.picture_gone) this.#features.delete(id);
    this.picture = { type: "FeatureCollection", features: [...this.#features.values()] };
  }

  #publish(): void {
    clearTimeout(this.#timer);
    this.#waiting = false;
    this.board = [...this.#board.values()];
    if (this.#alerted) this.alerts = [...this.#alerts.values()];
    this.#alerted = false;
    this.drawn = this.index;
  }

  /** The server's word on the channel's time. */
  tick(at: string): void {
    this.#base = ms(at);
    this.#heard = performance.now();
    this.#pass(this.#base);
  }

  /** Lets the clock go on by itself until the next word, never far. */
  advance(): void {
    if (Number.isFinite(this.#base)) this.#pass(this.#base + Math.min(performance.now() - this.#heard, OWN_CLOCK_MS));
  }

  /** Everything on the screen counts whole seconds: within one nothing is reckoned again. */
  #pass(at: number): void {
    if (Math.floor(at / 1000) !== Math.floor(this.now / 1000)) this.now = at;
  }

  /** Replay: the time that the player says. */
  setNow(at: number): void {
    this.#base = at;
    this.#heard = performance.now();
    this.now = at;
  }

  /** The newest state of a notice; whoever asks is told when it changes. */
  row(of: string | null | undefined): NoticeRow | undefined {
    void this.board;
    return of ? this.#board.get(of) : undefined;
  }
}
