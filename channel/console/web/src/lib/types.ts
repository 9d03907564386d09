// The API's shapes under short names. They are made from the server's models (`npm run types`), never written here.
import type { components } from "../../types/api";

type Models = components["schemas"];
export type Session = Models["SessionShown"];
export type View = Models["View"];
export type Change = Models["Change"];
export type Tick = Models["Tick"];
export type NoticeRow = Models["NoticeRow"];
export type Delivery = Models["DeliveryShown"];
export type AlertRow = Models["AlertRow"];
export type Picture = Models["Picture"];
export type Health = Models["Health"];
export type Pulse = Models["Pulse"];
export type LeafEvent = Models["Event"];
export type NoticePage = Models["NoticePage"];
export type Statement = Models["StatementShown"];
export type User = Models["UserShown"];
export type Approval = Models["ApprovalShown"];
export type Decided = Models["Decided"];
export type Acted = Models["Acted"];
export type Layer = Models["LayerShown"];
export type AnswerAsked = Models["AnswerAsked"];
export type NoticeAsked = Models["NoticeAsked"];
export type ForwardingAsked = Models["ForwardingAsked"];
export type Heard = Models["HeardShown"];
export type Checked = Models["CheckedShown"];
export type Fact = Models["Fact"];
export type Precedence = NoticeRow["precedence"];
export type Cell = Delivery["cell"];
export type Language = keyof NoticeRow["says"] & ("en" | "ru" | "ar" | "ku");
export type Coordinates = Session["coordinates"];
export type Role = NonNullable<Session["role"]>;

export const PRECEDENCES = ["FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"] as const satisfies readonly Precedence[];
export const LANGUAGES = ["en", "ru", "ar", "ku"] as const satisfies readonly Language[];
