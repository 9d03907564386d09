import { expect, test } from "vitest";
import { ar } from "./ar";
import { en } from "./en";
import { ku } from "./ku";
import { ru } from "./ru";

const VALUE = /\{\w+\}/g;
const values = (text: string): string[] => (text.match(VALUE) ?? []).sort();

test.each([["ru", ru], ["ar", ar], ["ku", ku]])("%s says everything, with the same values", (_, words) => {
  for (const [key, text] of Object.entries(words)) {
    expect(text.trim(), key).not.toBe("");
    const english = en[key as keyof typeof en];
    for (const value of values(text)) expect(values(english), key).toContain(value);
    if (!key.startsWith("stage.")) expect(values(text), key).toEqual(values(english));
  }
});
