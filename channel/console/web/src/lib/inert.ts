// A party's words, made inert: what is not seen is spelled out. Pages put the result into text nodes only, isolated.
// The same rule as the commands' (channel/ledger/alert_wording.py): joiners shape letters and stay.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029\u3164\uffa0\u115f\u1160]/gu;
const KEPT = new Set(["\u200c", "\u200d"]);
/** An isolate that is closed on its line turns nothing outside it; the channel's own sentences put values in such. */
const ISOLATE = /\u2068([^\u2066-\u2069\n]*)\u2069/g;

/** Text over several lines: line feeds and tabs stay, everything else unseen shows as `<U+202E>`. */
export function inert(text: string): string {
  let [result, from] = ["", 0];
  for (const match of text.matchAll(ISOLATE)) {
    result += `${plain(text.slice(from, match.index))}\u2068${plain(match[1]!)}\u2069`;
    from = match.index + match[0].length;
  }
  return result + plain(text.slice(from));
}

function plain(text: string): string {
  return text.replace(UNSEEN, (char) => (KEPT.has(char) || char === "\n" || char === "\t" ? char : spelled(char)));
}

/** The same on one line. */
export function inertLine(text: string): string {
  return inert(text.replace(/[\n\t\u2028\u2029]+/g, " "));
}

function spelled(char: string): string {
  return `<U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}>`;
}
