// Calls of other people's servers.  In: what to call, and how much of an answer to take.  Out: the
// answer, or a word why there is none. Follows no redirect, and logs nothing.

import { readBody } from "./glue.js";

/** `headers` are lines, of a name and of its value in turn. */
export async function call(method, address, headers, body, most, patience) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), patience);
  const answer = (kind, more) => ({ kind, status: 0, type: "", bytes: new Uint8Array(), ...more });
  try {
    const response = await fetch(address, {
      method,
      headers: pairs(headers),
      body: method === "POST" ? body : undefined,
      redirect: "manual",
      cache: "no-store",
      signal: abort.signal,
    });
    const bytes = await readBody(response, most);
    if (bytes === undefined) return answer("long");
    const type = response.headers.get("Content-Type") ?? "";
    return answer("", { status: response.status, type, bytes });
  } catch {
    return answer(abort.signal.aborted ? "late" : "failed");
  } finally {
    clearTimeout(timer);
    abort.abort(); // what is not wanted of an answer does not come
  }
}

function pairs(lines) {
  const parts = lines === "" ? [] : lines.split("\n");
  return parts.flatMap((name, at) => (at % 2 === 0 ? [[name, parts[at + 1]]] : []));
}
