// The built worker in workerd.  In: bindings, and a folder for its bucket.  Out: its address.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Miniflare } from "miniflare";

export const repository = fileURLToPath(new URL("../../", import.meta.url));
export const built = process.env.SELVEDGE_EDGE_BUILD ?? join(repository, "edge/build");

/** Builds the worker, unless a build was named. */
export function build() {
  if (process.env.SELVEDGE_EDGE_BUILD === undefined) {
    execFileSync("cargo", ["xtask", "edge"], { cwd: repository, stdio: "inherit" });
  }
}

/** Has `told` given what comes on both. */
const listen = (told) => (stdout, stderr) => {
  for (const stream of [stdout, stderr]) stream.on("data", (bytes) => told(bytes.toString()));
};

/** Every file below `folder`, relative to it. */
export function filesBelow(folder) {
  const names = readdirSync(folder, { recursive: true });
  return names.filter((name) => statSync(join(folder, name)).isFile()).sort();
}

/** The modules of the built worker, its entry first. */
export function modules() {
  const kinds = { ".js": "ESModule", wasm: "CompiledWasm" };
  const kindOf = (name) => kinds[name.endsWith(".wasm") ? "wasm" : name.slice(-3)];
  const files = filesBelow(built).filter((name) => kindOf(name) !== undefined);
  // The entry has to come first.
  files.sort((a, b) => (b === "index.js") - (a === "index.js"));
  return files.map((name) => ({ type: kindOf(name), path: join(built, name) }));
}

/**
 * Starts the worker with `bindings`; `folder`, if given, fills its bucket. `told` is given all that
 * it and its runtime log.
 */
export async function startWorker(bindings, folder, told) {
  if (!existsSync(join(built, "index.js"))) throw new Error(`no worker in ${built}`);
  const worker = new Miniflare({
    modules: modules(),
    modulesRoot: built,
    compatibilityDate: "2026-04-01",
    bindings: { DEV: true, ...bindings },
    r2Buckets: folder === undefined ? [] : ["MEDIA"],
    cf: false,
    port: 0,
    ...(told === undefined ? {} : { verbose: true, handleRuntimeStdio: listen(told) }),
  });
  const url = (await worker.ready).href.replace(/\/$/, "");
  if (folder !== undefined) {
    const bucket = await worker.getR2Bucket("MEDIA");
    for (const name of filesBelow(folder)) {
      // A copy: small buffers are views of a pool, which the simulator does not take.
      await bucket.put(name, Uint8Array.from(readFileSync(join(folder, name))).buffer);
    }
  }
  return { url, close: () => worker.dispose(), name: relative(repository, built) };
}
