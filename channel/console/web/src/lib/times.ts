// Times for people: date-time groups, clocks, countdowns. Pure; what time it is comes in as an argument.
const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** RFC 3339 -> milliseconds; NaN for nothing. */
export function ms(at: string | null | undefined): number {
  return at ? Date.parse(at) : Number.NaN;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

/** `161230Z SEP 17`: always Latin letters and digits, whatever the viewer's language. */
export function dtg(at: number): string {
  if (!Number.isFinite(at)) return "—";
  const date = new Date(at);
  const day = two(date.getUTCDate()) + two(date.getUTCHours()) + two(date.getUTCMinutes());
  return `${day}Z ${MONTHS[date.getUTCMonth()]} ${two(date.getUTCFullYear() % 100)}`;
}

/** `18 SEP 17`. */
export function day(at: number): string {
  return Number.isFinite(at) ? `${dtg(at).slice(0, 2)} ${dtg(at).slice(8)}` : "—";
}

/** `12:30:05`, in UTC. */
export function zulu(at: number): string {
  if (!Number.isFinite(at)) return "--:--:--";
  const date = new Date(at);
  return [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
}

/** `1230Z` on the same UTC day as `now`, else the whole group. */
export function shortTime(at: number, now: number): string {
  if (!Number.isFinite(at)) return "—";
  const same = Math.floor(at / DAY) === Math.floor(now / DAY);
  return same ? `${zulu(at).slice(0, 5).replace(":", "")}Z` : dtg(at);
}

/** `1230Z` on the same UTC day as `now`, `161230Z` within four weeks, else the whole group: for narrow places. */
export function briefTime(at: number, now: number): string {
  if (!Number.isFinite(at)) return "—";
  const time = shortTime(at, now);
  return Math.abs(at - now) < 28 * DAY ? time.slice(0, time.indexOf("Z") + 1) : time;
}

/** How much is left: `00:42`, `2h 05m`, `3d 04h`; a minus in front of what has passed. */
export function countdown(left: number, language: string): string {
  if (!Number.isFinite(left)) return "";
  // A deadline is passed when the time is at it: the second in which it passes already counts as late.
  const late = left <= 0;
  const seconds = late ? Math.floor(-left / 1000) : Math.ceil(left / 1000);
  return (late ? "\u2212" : "") + span(seconds * 1000, language);
}

// Before and after each Arabic letter stands a mark of the other direction: digits and letters stand as in every
// language, also where the first letter says how a text runs.
const LTR_MARK = String.fromCodePoint(0x200e);
const LETTERS: Record<string, readonly [days: string, hours: string, minutes: string]> = {
  ru: ["д", "ч", "м"], ar: ["ي", "س", "د"].map((letter) => LTR_MARK + letter + LTR_MARK) as [string, string, string], ku: ["r", "s", "d"],
};

/** `00:42`, `2h 05m`, `3d 04h`, `120d`: short enough to be large. Always from left to right. */
export function span(length: number, language: string): string {
  const [d, h, m] = LETTERS[language] ?? ["d", "h", "m"];
  const whole = Math.max(0, Math.floor(length / 1000));
  const [days, hours, minutes] = [Math.floor(whole / 86_400), Math.floor(whole / 3600), Math.floor(whole / 60)];
  if (days >= 100) return `${days}${d}`;
  if (hours >= 48) return `${days}${d}\u00a0${two(hours % 24)}${h}`;
  if (hours >= 1) return `${hours}${h}\u00a0${two(minutes % 60)}${m}`;
  return `${two(minutes)}:${two(whole % 60)}`;
}

/** Age in one unit: `42 s`, `17 min`, `5 h`, `3 d`, by the language's own words. */
export function age(length: number, language: string): string {
  if (!Number.isFinite(length)) return "—";
  const past = Math.max(0, length);
  const [number, unit]: [number, Unit] =
    past < MINUTE ? [past / 1000, "second"] : past < 90 * MINUTE ? [past / MINUTE, "minute"]
    : past < 2 * DAY ? [past / HOUR, "hour"] : [past / DAY, "day"];
  const own = UNITS[language];
  if (own) return `${Math.floor(number)}\u00a0${own[unit]}`;
  return unitFormat(language, unit).format(Math.floor(number));
}

type Unit = "second" | "minute" | "hour" | "day";
/** Of languages for whose units browsers have no words. */
const UNITS: Partial<Record<string, Record<Unit, string>>> = { ku: { second: "saniye", minute: "deqe", hour: "saet", day: "roj" } };

const formats = new Map<string, Intl.NumberFormat>();

function unitFormat(language: string, unit: string): Intl.NumberFormat {
  const key = language + unit;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(locale(language), { style: "unit", unit, unitDisplay: "short" });
    formats.set(key, format);
  }
  return format;
}

/** The locale for numbers and dates: Western digits everywhere, as on maps and in date-time groups. */
export function locale(language: string): string {
  return `${language}-u-nu-latn`;
}

const zones = new Map<string, Intl.DateTimeFormat>();

/** `15:30 +03` in the console's zone; with the date if it is another than in UTC. */
export function local(at: number, zone: string): string {
  if (!Number.isFinite(at)) return "--:--";
  let format = zones.get(zone);
  if (!format) {
    const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone } as const;
    try {
      format = new Intl.DateTimeFormat("en-GB", { ...options, timeZoneName: "shortOffset" });
    } catch {
      format = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC", timeZoneName: "shortOffset" });
    }
    zones.set(zone, format);
  }
  return format.format(at).replace("GMT", "UTC");
}

/** `2017-09-16 03:30 UTC+3`: date and time in a zone, as its people write it. */
export function wall(at: number, zone: string): string {
  if (!Number.isFinite(at)) return "—";
  const [time = "", ...rest] = local(at, zone).split(" ");
  // The day there, from the offset of that zone, which `local` has named.
  const [hours = "0", minutes = "0"] = (rest.join("").match(/[+-][\d:]+/)?.[0] ?? "0").split(":");
  const offset = (Number(hours) * 60 + Math.sign(Number(hours) || 1) * Number(minutes)) * MINUTE;
  return `${wire(at + offset).slice(0, 10)} ${time} ${rest.join(" ")}`;
}

/** From when until when, in UTC and, where it is another, in the console's zone. */
export function period(from: number, until: number, zone: string): string {
  return `${dtg(from)} – ${dtg(until)}${zone === "UTC" ? "" : ` (${wall(from, zone)} – ${wall(until, zone)})`}`;
}

const GROUP = /^(\d{2})(\d{2})(\d{2})Z? ?([A-Z]{3}) ?(\d{2})$/;
const PLAIN = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,3})?)?Z?$/;

/** What a person types, always UTC: `160036Z SEP 17` or `2017-09-16 00:36:30`. NaN for anything else. */
export function moment(text: string): number {
  const typed = text.trim().toUpperCase();
  const plain = PLAIN.exec(typed);
  if (plain) return Date.parse(`${plain[1]}T${plain[2]}${plain[3] ?? ":00"}Z`);
  const group = GROUP.exec(typed);
  const month = group ? MONTHS.indexOf(group[4]!) : -1;
  if (!group || month < 0) return Number.NaN;
  const [date, hours, minutes, year] = [Number(group[1]), Number(group[2]), Number(group[3]), 2000 + Number(group[5])];
  if (hours > 23 || minutes > 59) return Number.NaN;
  const at = Date.UTC(year, month, date, hours, minutes);
  return new Date(at).getUTCDate() === date ? at : Number.NaN;
}

/** `2017-09-16 00:36:30`: what a field for a time holds. */
export function plain(at: number): string {
  return Number.isFinite(at) ? wire(at).slice(0, 19).replace("T", " ") : "";
}

/** Milliseconds -> what the API takes. */
export function wire(at: number): string {
  return new Date(at).toISOString();
}
