// Which page is shown: the part of the address behind `#`, so that links work and no server route is needed.
export type Page = "watch" | "replay" | "notice" | "health" | "people" | "settings" | "send";
const PAGES: readonly Page[] = ["watch", "replay", "notice", "health", "people", "settings", "send"];

class Route {
  page = $state<Page>("watch");
  /** What stands behind the page's name: the notice's hash. */
  rest = $state("");
  query = $state.raw(new URLSearchParams());
  /** Which page was shown before; null: this is the first one, and there is none to go back to. */
  before: Page | null = null;

  constructor() {
    addEventListener("hashchange", () => {
      this.before = this.page;
      this.#read();
    });
    this.#read();
  }

  go(page: Page, rest = "", query: Record<string, string> = {}): void {
    const asked = new URLSearchParams(query).toString();
    location.hash = `#/${page}${rest ? `/${encodeURIComponent(rest)}` : ""}${asked ? `?${asked}` : ""}`;
  }

  /** To the page before, or to the board if this was the first one. */
  back(): void {
    if (this.before) history.back();
    else this.go("watch");
  }

  /** In the place of a page that is not for whoever is signed in. */
  instead(page: Page): void {
    location.replace(`#/${page}`);
  }

  #read(): void {
    const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
    const [page = "", rest = ""] = path.split("/");
    this.page = PAGES.find((known) => known === page) ?? "watch";
    this.rest = decoded(rest);
    this.query = new URLSearchParams(query);
  }
}

/** What cannot be decoded stays as it is: it names nothing, and the page says so. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = new Route();
