// What belongs to this screen: language, colours, coordinates, sound. Kept in this browser.
import type { Coordinates, Language } from "./types";
import { LANGUAGES } from "./types";

const PLACE = "channel-console";

interface Kept {
  language?: Language;
  theme?: "dark" | "light";
  coordinates?: Coordinates;
  sound?: boolean;
  labels?: boolean;
  keys?: boolean;
}

function kept(): Kept {
  try {
    return JSON.parse(localStorage.getItem(PLACE) ?? "{}") as Kept;
  } catch {
    return {};
  }
}

function fromBrowser(): Language {
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2));
  return LANGUAGES.find((language) => wanted[0] === language || (language === "ku" && wanted[0] === "kmr")) ?? "en";
}

class Settings {
  language = $state<Language>("en");
  theme = $state<"dark" | "light">("dark");
  /** What the viewer chose; null: what the console's party is used to. */
  coordinates = $state<Coordinates | null>(null);
  sound = $state(true);
  labels = $state(true);
  /** Whether single keys do something: people who speak to their machine, or whose hands shake, turn them off. */
  keys = $state(true);
  readonly wall = new URLSearchParams(location.search).has("wall");

  constructor() {
    const old = kept();
    this.language = old.language && LANGUAGES.includes(old.language) ? old.language : fromBrowser();
    this.theme = old.theme === "light" ? "light" : "dark";
    this.coordinates = old.coordinates ?? null;
    this.sound = old.sound ?? true;
    this.labels = old.labels ?? true;
    this.keys = old.keys ?? true;
  }

  save(): void {
    const { language, theme, coordinates, sound, labels, keys } = this;
    const keep: Kept = { language, theme, sound, labels, keys, ...(coordinates ? { coordinates } : {}) };
    try {
      localStorage.setItem(PLACE, JSON.stringify(keep));
    } catch {
      // A browser that keeps nothing still shows everything.
    }
  }
}

export const settings = new Settings();
