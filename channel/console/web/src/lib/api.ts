// Requests to the console's own API, and what went wrong in words for people.
import type { Session } from "./types";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** Stable; empty where the answer has none. */
    readonly code: string,
    /** In English. */
    message: string,
    /** What was typed, where that cannot be read. */
    readonly value = "",
  ) {
    super(message);
  }
}

let csrf: string | null = null;

export function keepToken(session: Session): void {
  csrf = session.csrf;
}

async function ask(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...init });
  } catch {
    throw new ApiError(0, "network", "network");
  }
  if (!response.ok) throw await reason(response);
  return response;
}

async function reason(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as { error: { code: string; detail: string; value?: string } };
    return new ApiError(response.status, error.code, error.detail, error.value);
  } catch {
    // No body, or none for us.
    return new ApiError(response.status, "", `${response.status} ${response.statusText}`);
  }
}

export async function get<T>(path: string, query: Record<string, string | null | undefined> = {}): Promise<T> {
  return (await ask(path + search(query))).json() as Promise<T>;
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  const response = await send(path, body);
  return (response.status === 204 ? null : await response.json()) as T;
}

export function send(path: string, body: unknown): Promise<Response> {
  const headers: Record<string, string> = { "Content-Type": "application/json" };
  if (csrf) headers["X-CSRF"] = csrf;
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}

export function search(query: Record<string, string | null | undefined>): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] != null && pair[1] !== "");
  return pairs.length ? `?${new URLSearchParams(pairs).toString()}` : "";
}

/** Hands a response to the viewer as a file. */
export async function download(response: Response, name: string): Promise<void> {
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
