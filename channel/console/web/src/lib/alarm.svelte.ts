// The alarm: which alerts this desk has not acknowledged, and what came for it and nobody has before them, heard and
// counted. Tones are made here; no sound files.
import type { AlertRow, NoticeRow, Precedence } from "./types";

/** Repetition as in docs/protocol.md 9.3.6: 30 s for FLASH, else the receipt deadline of the precedence. */
const REPEAT_MS: Record<Precedence, number> = { FLASH: 30_000, IMMEDIATE: 60_000, PRIORITY: 300_000, ROUTINE: 1_800_000 };

/** Tone (Hz) and length (s) of each beat; 0 Hz is a rest. More urgent: higher, faster, more of it. */
const BEATS: Record<Precedence, readonly (readonly [number, number])[]> = {
  FLASH: [[988, 0.14], [0, 0.05], [1319, 0.14], [0, 0.05], [988, 0.14], [0, 0.05], [1319, 0.14], [0, 0.18],
          [988, 0.14], [0, 0.05], [1319, 0.14], [0, 0.05], [988, 0.14], [0, 0.05], [1319, 0.22]],
  IMMEDIATE: [[784, 0.2], [0, 0.1], [988, 0.2], [0, 0.1], [784, 0.2], [0, 0.1], [988, 0.28]],
  PRIORITY: [[659, 0.25], [0, 0.12], [784, 0.35]],
  ROUTINE: [[523, 0.35]],
};
const VOLUME = 0.25;

/** One thing that rings. `repeats`: until somebody has done something about it. */
export interface Ringing {
  id: string;
  precedence: Precedence;
  repeats: boolean;
  alert?: AlertRow;
  notice?: NoticeRow;
}

/** Alerts and findings that stand and that this console's desk has not acknowledged, then what calls this desk. */
export function ringing(alerts: readonly AlertRow[], calls: readonly NoticeRow[] = []): Ringing[] {
  const open = alerts.filter((alert) => !alert.cleared_at && !alert.mine);
  return [
    // Nobody acknowledges a finding: it sounds once, and only alerts are repeated.
    ...open.map((alert) => ({ id: alert.id, precedence: alert.precedence, repeats: alert.what === "alert", alert })),
    ...calls.map((notice) => ({ id: `notice ${notice.of}`, precedence: notice.precedence, repeats: true, notice })),
  ];
}

export class Alarm {
  /** Whether this browser lets the page be heard. */
  allowed = $state(false);
  sounding = $state<Precedence | null>(null);
  /** How often it has sounded: what a test can see of a sound. */
  played = $state(0);

  #context: AudioContext | null = null;
  #known = new Set<string>();
  #last = new Map<Precedence, number>();
  #first = true;

  constructor() {
    if (typeof AudioContext === "undefined") return;
    this.#context = new AudioContext();
    this.#context.onstatechange = (): void => this.#look();
    this.#look();
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, this.unlock, { capture: true });
  }

  /** Any click or key lets the browser sound. */
  unlock = (): void => {
    if (this.#context && this.#context.state !== "running") void this.#context.resume().then(() => this.#look());
  };

  #look(): void {
    this.allowed = this.#context?.state === "running";
  }

  /** Called with every change and every second: sounds what is new, and again what nobody has taken care of. */
  watch(open: readonly Ringing[], on: boolean, now = performance.now()): Ringing[] {
    const fresh = open.filter((one) => !this.#known.has(one.id));
    this.#known = new Set(open.map((one) => one.id));
    const repeated = open.filter((one) => one.repeats);
    const worst = most(repeated);
    this.sounding = worst;
    for (const precedence of Object.keys(REPEAT_MS) as Precedence[]) {
      const mine = repeated.some((one) => one.precedence === precedence);
      if (!mine) this.#last.delete(precedence);
    }
    const due = worst !== null && now - (this.#last.get(worst) ?? Number.NEGATIVE_INFINITY) >= REPEAT_MS[worst];
    const heard = due ? worst : most(fresh);
    if (on && this.allowed && heard) {
      this.#last.set(heard, now);
      this.play(heard);
    }
    const first = this.#first;
    this.#first = false;
    return first ? [] : fresh;
  }

  play(precedence: Precedence): void {
    this.played++;
    const context = this.#context;
    if (!context || context.state !== "running") return;
    let at = context.currentTime + 0.02;
    for (const [tone, length] of BEATS[precedence]) {
      if (tone) beat(context, tone, at, length);
      at += length;
    }
  }
}

function beat(context: AudioContext, tone: number, at: number, length: number): void {
  const [oscillator, gain] = [context.createOscillator(), context.createGain()];
  oscillator.type = "triangle";
  oscillator.frequency.value = tone;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(VOLUME, at + 0.012);
  gain.gain.setValueAtTime(VOLUME, at + length - 0.03);
  gain.gain.linearRampToValueAtTime(0, at + length);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(at);
  oscillator.stop(at + length + 0.02);
}

const ORDER: readonly Precedence[] = ["FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"];

function most(open: readonly Ringing[]): Precedence | null {
  return ORDER.find((precedence) => open.some((one) => one.precedence === precedence)) ?? null;
}
