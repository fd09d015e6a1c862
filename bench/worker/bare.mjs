// A worker in workerd and nothing else: no simulators of caches and buckets, whose work would count
// as the worker's.  In: bindings, and which worker if not the built one.  Out: its address, its
// process, and how much of its time is JavaScript's and WebAssembly's.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import packaged from "workerd";
import { built, modules } from "../../tests/worker/worker.mjs";

/** Starts the worker made of `files` below `root` with `bindings`, all of them text. */
export async function startBare(bindings, files = modules(), root = built) {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-bare-"));
  const file = join(folder, "config.capnp");
  writeFileSync(file, configuration(bindings, files, root));
  const options = ["serve", "--import-path=/", "--control-fd=3", file];
  const stdio = ["ignore", "inherit", "inherit", "pipe"];
  const server = spawn(packaged.default, options, { stdio });
  const close = () => {
    server.kill();
    rmSync(folder, { recursive: true });
  };
  for await (const line of createInterface({ input: server.stdio[3] })) {
    const { event, port } = JSON.parse(line);
    if (event === "listen") return { url: `http://127.0.0.1:${port}`, workerd: server.pid, close };
  }
  close();
  throw new Error("workerd ended before it listened");
}

function configuration(bindings, files, root) {
  const quoted = (text) => JSON.stringify(String(text));
  const kinds = { ESModule: "esModule", CompiledWasm: "wasm" };
  const module = ({ type, path }) =>
    `(name = ${quoted(relative(root, path))}, ${kinds[type]} = embed ${quoted(path)})`;
  const binding = ([name, value]) => `(name = ${quoted(name)}, text = ${quoted(value)})`;
  return `using Workerd = import "/workerd/workerd.capnp";
const worker :Workerd.Worker = (
  modules = [${files.map(module).join(", ")}],
  bindings = [${Object.entries(bindings).map(binding).join(", ")}],
  compatibilityDate = "2026-04-01",
);
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["public", "private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;
}

/**
 * Where workerd has taken an isolate's lock to run what a request or an event calls for. Stacks do
 * not lead out of some assembly of AES, which keeps no frame pointer; only what runs under the lock
 * calls it.
 */
const ENTERED = /workerd::IoContext::runImpl|\baes_hw_/;

/** Milliseconds until perf has seen to all threads of a process. */
const STARTING = 1500;

/**
 * The part of a process's time that its isolate ran while `work` was done, by perf(1);
 * `undefined` where there is no perf.
 */
export async function isolateShare(pid, work) {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-perf-"));
  try {
    const file = join(folder, "perf.data");
    const sampling = ["--quiet", "-g", "-e", "cpu-clock", "-F", "2000"];
    const perf = spawn("perf", ["record", ...sampling, "-p", pid, "-o", file], { stdio: "ignore" });
    const over = new Promise((done) => perf.on("close", done).on("error", done));
    await new Promise((done) => setTimeout(done, STARTING));
    await work();
    perf.kill("SIGINT");
    await over;
    const script = ["script", "-i", file, "-F", "comm,ip,sym"];
    const told = execFileSync("perf", script, { encoding: "utf8", maxBuffer: 1 << 30 });
    const samples = told.split("\n\n").filter((sample) => sample.trim() !== "");
    if (samples.length === 0) throw new Error("perf saw nothing");
    return samples.filter((sample) => ENTERED.test(sample)).length / samples.length;
  } catch (error) {
    console.error(`the isolate's own part is not measured: ${error.message.split("\n")[0]}`);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
