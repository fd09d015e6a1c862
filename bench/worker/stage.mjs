// Films behind the worker.  In: the built worker, ffmpeg.  Out: their segments, and what they cost.
//
// CPU time is that of the workerd process, all threads, from /proc. What is compared is asked by
// turns, so that what else the machine does falls on all.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { secret, serveNatively } from "../../tests/worker/demo.mjs";
import { repository, startWorker } from "../../tests/worker/worker.mjs";
import { cpuSeconds, workerdsBelow } from "./process.mjs";

/** Gives `play` the benchmarks' films in a store, the origin and the worker before it. */
export async function onStage(play) {
  const store = mkdtempSync(join(tmpdir(), "selvedge-bench-"));
  try {
    const bin = ["--package", "selvedge-bench", "--bin", "bench_store"];
    const run = ["run", "--quiet", "--release", ...bin, "--", store];
    const told = execFileSync("cargo", run, { cwd: repository, encoding: "utf8" });
    const { binary, ...films } = JSON.parse(told);
    await beforeWorker({ store, binary }, (stage) => play({ ...stage, ...films, store }));
  } finally {
    rmSync(store, { recursive: true });
  }
}

/** Gives `play` an origin over `store` and the worker before it. */
export async function beforeWorker({ store, binary, settings }, play) {
  await beforeNative({ store, binary }, (native) =>
    withWorker(native, (worker) => play({ native, worker }), settings));
}

/** Gives `play` a native server over `store`, which packages by itself. */
export async function beforeNative(demo, play) {
  const native = await serveNatively(demo);
  try {
    await play(native);
  } finally {
    native.close();
  }
}

/** Gives `play` a worker with nothing in its caches, and its process; with more `settings`. */
export async function withWorker(native, play, settings = {}) {
  const signed = { STORE: "origin", ORIGIN_URL: native.url, ORIGIN_SECRET: secret, ...settings };
  const others = workerdsBelow(process.pid);
  const worker = await startWorker(signed);
  try {
    const workerd = workerdsBelow(process.pid).find((one) => !others.includes(one));
    if (workerd === undefined) throw new Error("no workerd is to be found: this needs Linux");
    return await play({ ...worker, workerd });
  } finally {
    await worker.close();
  }
}

/**
 * A second locator of the film at `hls`, which gives it out clear or encrypted, as URLs ask; under
 * `cenc` with vectors of `ivSize` bytes.
 */
export function encryptable(store, hls, ivSize = 8) {
  const put = (name, document) => {
    mkdirSync(dirname(join(store, name)), { recursive: true });
    writeFileSync(join(store, name), JSON.stringify(document));
  };
  const [, clear] = hls.split("/");
  const { properties } = JSON.parse(readFileSync(join(store, `locators/${clear}.json`), "utf8"));
  const enabledProtocols = { download: false, dash: true, hls: true, smoothStreaming: true };
  const names = [
    "noEncryption", "envelopeEncryption", "commonEncryptionCenc", "commonEncryptionCbcs",
  ];
  const schemes = Object.fromEntries(names.map((name) => [name, { enabledProtocols }]));
  schemes.commonEncryptionCenc = { enabledProtocols, perSampleIVSize: ivSize };
  const policy = `all-${ivSize}`;
  put(`policies/streaming/${policy}.json`, { name: policy, properties: schemes });
  const id = `${String(ivSize).padStart(8, "0")}${clear.slice(8)}`;
  const value = Buffer.alloc(16, 7).toString("base64");
  const types = ["EnvelopeEncryption", "CommonEncryptionCenc", "CommonEncryptionCbcs"];
  const kid = "60000000-0000-4000-8000-000000000001";
  const contentKeys = types.map((type) => ({ id: kid, type, value }));
  const { assetName } = properties;
  const locator = { assetName, streamingLocatorId: id, streamingPolicyName: policy, contentKeys };
  put(`locators/${id}.json`, { properties: locator });
  return hls.replace(clear, id);
}

/** The segments of a film's pictures, or of its `audio`, from the master playlist at `path`. */
export async function segmentsOf(native, path, kind = "video") {
  const text = async (path) => (await fetch(native.url + path)).text();
  const folder = (path) => path.slice(0, path.lastIndexOf("/") + 1);
  const master = await text(path);
  const media = kind === "video"
    ? master.split("\n").find((line) => line.startsWith("QualityLevels"))
    : /TYPE=AUDIO.*URI="([^"]*)"/.exec(master)[1];
  const playlist = folder(path) + media;
  const names = (await text(playlist)).split("\n").filter((line) => line.startsWith("Fragments"));
  return names.map((name) => folder(playlist) + name);
}

/** Asks for a path and reads the answer to its end. */
export async function get(worker, path) {
  const response = await fetch(worker.url + path);
  const body = await response.arrayBuffer();
  if (response.status !== 200) {
    throw new Error(`${path}: ${response.status} ${Buffer.from(body).toString()}`);
  }
  return { body, bytes: body.byteLength, timing: response.headers.get("Server-Timing") };
}

/**
 * Has `ask(one)` called for each of `cases`, once to warm up and then `rounds` times by turns.
 * It returns how many requests it made; each case's `rounds` gets milliseconds of CPU a request.
 */
export async function byTurns({ workerd }, cases, rounds, ask) {
  for (const one of cases) {
    one.rounds = [];
    await ask(one);
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const one of round % 2 ? cases : [...cases].reverse()) {
      const before = cpuSeconds(workerd);
      const requests = await ask(one);
      one.rounds.push(((cpuSeconds(workerd) - before) * 1000) / requests);
    }
  }
}

/** Asks `requests` times for the whole segments of `one`, and notes their mean size. */
export async function askSegments(worker, one, requests) {
  const whole = one.segments.slice(0, -1); // the last is shorter
  let bytes = 0;
  for (let n = 0; n < requests; n += 1) {
    bytes += (await get(worker, whole[n % whole.length])).bytes;
  }
  one.bytes = Math.round(bytes / requests);
  return requests;
}
