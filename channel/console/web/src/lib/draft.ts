// A notice as its officer puts it together on the page -> what the API is asked. Pure.
import type { Box } from "./order";
import type { NoticeAsked, Precedence } from "./types";

export const KINDS = ["position", "intent", "site", "incident", "text"] as const;
export const RESPONSES = ["WU", "R", "NE"] as const;
export const WHERES = ["position", "path", "area", "drawn"] as const;

export interface Draft {
  /** By party: nobody (empty), `to:` directly, `to:VIA`, or `info`. */
  routes: Record<string, string>;
  kind: (typeof KINDS)[number];
  precedence: Precedence;
  response: (typeof RESPONSES)[number] | null;
  where: (typeof WHERES)[number];
  at: string;
  radius: string;
  path: string;
  polygon: string;
  altitude: string;
  from: string;
  until: string;
  unit: string;
  text: string;
  readBack: boolean | null;
}

export function blank(): Draft {
  return {
    routes: {}, kind: "position", precedence: "ROUTINE", response: null, where: "position", at: "", radius: "", path: "", polygon: "",
    altitude: "", from: "now", until: "", unit: "", text: "", readBack: null,
  };
}

/** The answer that it asks for unless its author says another: none of a unit's position, since the next takes its place. */
export function usualResponse(draft: Draft): (typeof RESPONSES)[number] {
  if (draft.kind === "position" && draft.unit.trim() && !asksReadBack(draft)) return "NE";
  return draft.kind === "intent" ? "WU" : "R";
}

export function asksReadBack(draft: Draft): boolean {
  return draft.kind !== "text" && (draft.readBack ?? draft.precedence === "FLASH");
}

/** A mistake costs most here: what it would be and cause is looked at before it is signed. */
export function urgent(draft: Draft): boolean {
  return draft.precedence === "FLASH" || draft.precedence === "IMMEDIATE";
}

/** Who reads it on its way, and for whom: [intermediary, addressees]. */
export function readers(routes: Draft["routes"]): [string, string[]][] {
  const found = new Map<string, string[]>();
  for (const [party, route] of Object.entries(routes)) {
    const via = route.startsWith("to:") ? route.slice(3) : "";
    if (via) found.set(via, [...(found.get(via) ?? []), party]);
  }
  return [...found];
}

export function asked(draft: Draft, drawn: Box | null): Partial<NoticeAsked> {
  const routes = Object.entries(draft.routes);
  const to = routes.flatMap(([party, route]) => (route.startsWith("to:") ? [`${party}:${route.slice(3)}`] : []));
  const info = routes.flatMap(([party, route]) => (route === "info" ? [party] : []));
  const { kind, precedence, text } = draft;
  const found: Partial<NoticeAsked> = { to, info, kind, precedence, text: text.trim(), read_back: asksReadBack(draft) };
  // Where nobody owes an answer, none is asked for.
  if (to.length) found.response = draft.response ?? usualResponse(draft);
  if (kind === "text") return found;
  if (draft.where === "position") {
    found.at = draft.at.trim();
    if (draft.radius.trim()) found.radius = draft.radius.trim();
  } else if (draft.where === "path") found.path = lines(draft.path);
  else if (draft.where === "area") found.polygon = lines(draft.polygon);
  else if (drawn) found.area = polygon(drawn);
  found.from = draft.from.trim() || "now";
  for (const name of ["until", "unit", "altitude"] as const) if (draft[name].trim()) found[name] = draft[name].trim();
  return found;
}

/** Places may stand one to a line. */
function lines(text: string): string {
  return text.trim().split(/\s*[;\n]\s*/).filter(Boolean).join("; ");
}

function polygon([west, south, east, north]: Box): Record<string, unknown> {
  return { type: "Polygon", coordinates: [[[west, south], [east, south], [east, north], [west, north], [west, south]]] };
}
