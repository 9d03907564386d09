// Who is signed in, on whose console.
import { get, keepToken, post } from "./api";
import { settings } from "./settings.svelte";
import type { Coordinates, Session } from "./types";

class SessionState {
  now = $state.raw<Session | null>(null);
  failed = $state<string | null>(null);

  async load(): Promise<void> {
    try {
      this.take(await get<Session>("/api/v1/session"));
      this.failed = null;
    } catch (error) {
      this.failed = (error as Error).message;
    }
  }

  take(session: Session): void {
    keepToken(session);
    this.now = session;
  }

  /** After a lost connection: if the server answers and knows us no more, the sign-in page is next. */
  async look(): Promise<void> {
    try {
      this.take(await get<Session>("/api/v1/session"));
    } catch {
      // It does not answer: what is on the screen stays, marked as old.
    }
  }

  async signOut(): Promise<void> {
    await post("/api/v1/sign-out", {});
    await this.load();
  }

  get mayAct(): boolean {
    return this.now?.role === "watch" || this.now?.role === "admin";
  }

  get coordinates(): Coordinates {
    return settings.coordinates ?? this.now?.coordinates ?? "latlon";
  }

  partyName(party: string): string {
    return this.now?.parties.find((known) => known.party === party)?.name ?? party;
  }
}

export const session = new SessionState();
