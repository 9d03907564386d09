import type { Words } from "./index.svelte";
import { en } from "./en";

export const ar: Words = { ...en };
