// Which page is shown: the part of the address behind `#`, so that links work and no server route is needed.
export type Page = "watch" | "replay" | "notice" | "health" | "people" | "settings" | "send";
const PAGES: readonly Page[] = ["watch", "replay", "notice", "health", "people", "settings", "send"];

class Route {
  page = $state<Page>("watch");
  /** What stands behind the page's name: the notice's hash. */
  rest = $state("");
  query = $state.raw(new URLSearchParams());

  constructor() {
    addEventListener("hashchange", () => this.#read());
    this.#read();
  }

  go(page: Page, rest = "", query: Record<string, string> = {}): void {
    const asked = new URLSearchParams(query).toString();
    location.hash = `#/${page}${rest ? `/${encodeURIComponent(rest)}` : ""}${asked ? `?${asked}` : ""}`;
  }

  #read(): void {
    const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
    const [page = "", rest = ""] = path.split("/");
    this.page = PAGES.find((known) => known === page) ?? "watch";
    this.rest = decodeURIComponent(rest);
    this.query = new URLSearchParams(query);
  }
}

export const route = new Route();
