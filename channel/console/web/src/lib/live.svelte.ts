// The live socket: one connection, taken up again by itself, never a reload.
import { Scene } from "./scene.svelte";
import type { Change, Tick, View } from "./types";

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 8000;
/** The server says the time every second; without a word for this long the connection counts as lost. */
const SILENT_MS = 5000;

type Said = View | Change | Tick;

export class Live {
  readonly scene = new Scene();
  link = $state<"connecting" | "up" | "lost">("connecting");

  /** The server is there, but cannot read the log: what is shown is old. */
  stale = $state(false);

  #socket: WebSocket | null = null;
  #retry = RETRY_MS_MIN;
  #heard = 0;
  #again: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #ended = false;

  /** `refused` looks whether we are still signed in. */
  constructor(readonly refused: () => void) {}

  start(): void {
    this.#ended = false;
    this.#watch = setInterval(() => this.#look(), 250);
    addEventListener("online", this.#now);
    this.#open();
  }

  stop(): void {
    this.#ended = true;
    clearInterval(this.#watch);
    clearTimeout(this.#again);
    removeEventListener("online", this.#now);
    this.#socket?.close();
  }

  #now = (): void => {
    if (this.link !== "up") this.#open();
  };

  #open(): void {
    clearTimeout(this.#again);
    this.#drop();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/live`);
    this.#socket = socket;
    this.#heard = performance.now();
    socket.onmessage = (event: MessageEvent<string>): void => this.#take(JSON.parse(event.data) as Said);
    socket.onclose = (event): void => this.#lost(socket, event.code);
  }

  #take(said: Said): void {
    this.#heard = performance.now();
    this.#retry = RETRY_MS_MIN;
    if (said.kind === "view") {
      this.scene.show(said);
      this.link = "up";
    } else if (said.kind === "change") this.scene.take(said);
    else {
      this.stale = said.stale;
      this.scene.tick(said.at);
    }
  }

  #lost(socket: WebSocket, code: number): void {
    if (socket !== this.#socket || this.#ended) return;
    this.#socket = null;
    this.link = "lost";
    if (code === 4401) this.refused();
    this.#again = setTimeout(() => this.#reconnect(), this.#retry);
    this.#retry = Math.min(this.#retry * 2, RETRY_MS_MAX);
  }

  /** A socket that is refused looks like one that is lost: the session says which it was. */
  #reconnect(): void {
    if (this.#ended) return;
    this.refused();
    this.#open();
  }

  #drop(): void {
    const old = this.#socket;
    this.#socket = null;
    old?.close();
  }

  /** A connection that says nothing is none, even if nobody closed it. */
  #look(): void {
    if (this.link === "up") this.scene.advance();
    if (this.#socket && performance.now() - this.#heard > SILENT_MS) {
      this.link = "lost";
      this.#open();
    }
  }
}
