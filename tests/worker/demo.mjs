// A published store and the native server over it.  In: nothing.  Out: the folder, the URLs of
// its manifests and the server's address.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { repository } from "./worker.mjs";

/** What the native server and the workers in front of it share. */
export const secret = "a secret of the tests, long enough";

/** Publishes the demo: `{ store, binary, assets: [{ name, hls, dash, … }] }`, URLs as paths. */
export function publishDemo() {
  const store = mkdtempSync(join(tmpdir(), "selvedge-demo-"));
  const run = ["run", "--quiet", "--package", "selvedge-tests", "--bin", "demo-store", "--", store];
  const told = execFileSync("cargo", run, { cwd: repository, encoding: "utf8" });
  const demo = JSON.parse(told);
  return { ...demo, store, remove: () => rmSync(store, { recursive: true }) };
}

/** Starts `selvedge serve` over `demo.store`, with `flags`; `told` is given what it logs. */
export async function serveNatively(demo, flags = [], { env = {}, told } = {}) {
  const run = ["serve", "--store", demo.store, "--listen", "127.0.0.1:0", ...flags];
  const server = spawn(demo.binary, run, {
    env: { ...process.env, SELVEDGE_ORIGIN_SECRET: secret, SELVEDGE_LOG: "error", ...env },
    stdio: ["ignore", "pipe", told === undefined ? "inherit" : "pipe"],
  });
  server.stderr?.on("data", (bytes) => told(bytes.toString()));
  for await (const line of createInterface({ input: server.stdout })) {
    const url = /listening on (http:\S+)/.exec(line)?.[1];
    if (url !== undefined) return { url, pid: server.pid, close: () => server.kill() };
  }
  throw new Error("selvedge serve ended before it listened");
}
