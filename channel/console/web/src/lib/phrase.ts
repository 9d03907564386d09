// What a notice says in two parts: the phrasebook's, in the viewer's language, and the author's own words. Pure.
import type { Language, NoticeRow } from "./types";

export interface Said {
  phrase: string;
  own: string;
}

/** Each part on its own, as each has its own direction; one that is not there is empty. */
export function parts(row: Pick<NoticeRow, "says" | "text">, language: Language): Said {
  const whole = row.says[language] ?? row.text;
  const own = row.text;
  if (!own) return { phrase: whole, own: "" };
  if (whole === own) return { phrase: "", own };
  return whole.endsWith(`\n${own}`) ? { phrase: whole.slice(0, -own.length - 1), own } : { phrase: whole, own: "" };
}

const LEFTWARD = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}]/u;
const RIGHTWARD = /[\p{Script=Latin}\p{Script=Cyrillic}\p{Nd}]/u;

/** Whether parts of a text run in different directions. */
export function mixed(text: string): boolean {
  return LEFTWARD.test(text) && RIGHTWARD.test(text);
}
