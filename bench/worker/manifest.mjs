// What a filtered manifest of two hours in six renditions costs.  In: the built worker, ffmpeg.
// Out: a table, on standard output and in bench/record/manifest.md with --record.
//
//     cargo xtask bench
//
// CPU time is that of the workerd process, all threads, from /proc. Manifests are asked by turns,
// so that what else the machine does falls on all. The film is a minute over and over: what a
// manifest costs depends on how much it lists, not on what the pictures show.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { secret, serveNatively } from "../../tests/worker/demo.mjs";
import { repository, startWorker } from "../../tests/worker/worker.mjs";
import { cpuSeconds, workerdBelow } from "./process.mjs";

const ROUNDS = 9;
const REQUESTS = 60; // of each manifest, each round
const MOST_MILLISECONDS = 3; // a filtered manifest, its documents and index head in the cache
const MOST_ROUNDS = 3; // of reads, each waiting for the one before, nothing in any cache
const MINUTES = 120;

const folder = mkdtempSync(join(tmpdir(), "selvedge-bench-"));
const store = join(folder, "store");
const binary = built();
publish();
const id = "7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e";
const manifests = cases();
const native = await serveNatively({ store, binary });
const signed = { STORE: "origin", ORIGIN_URL: native.url, ORIGIN_SECRET: secret };

try {
  for (const one of manifests) await cold(one);
  const worker = await startWorker(signed);
  try {
    const workerd = workerdBelow(process.pid);
    for (const one of manifests) await ask(worker, one, REQUESTS);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const one of manifests) {
        const before = cpuSeconds(workerd);
        await ask(worker, one, REQUESTS);
        one.rounds.push(((cpuSeconds(workerd) - before) * 1000) / REQUESTS);
      }
    }
  } finally {
    await worker.close();
  }
  report();
} finally {
  native.close();
  rmSync(folder, { recursive: true });
}

/** (what, path, filtered) of the manifests measured. */
function cases() {
  const path = (rest) => `/${id}/film.ism/${rest}`;
  const filter = "filter=window;tracks";
  return [
    ["HLS, master", path(`manifest(format=m3u8-cmaf)`), false],
    ["HLS, master, filtered", path(`manifest(format=m3u8-cmaf,${filter})`), true],
    ["HLS, pictures, filtered", undefined, true],
    ["MPD", path(`manifest(format=mpd-time-cmaf)`), false],
    ["MPD, filtered", path(`manifest(format=mpd-time-cmaf,${filter})`), true],
    ["Smooth Streaming, filtered", path(`manifest(${filter})`), true],
  ].map(([what, path, filtered]) => ({ what, path, filtered, rounds: [] }));
}

/** The program, built for speed unless a build was named. */
function built() {
  if (process.env.SELVEDGE_BINARY !== undefined) return process.env.SELVEDGE_BINARY;
  const told = execFileSync("cargo", [
    "build", "--quiet", "--release", "--package", "selvedge-origin", "--bin", "selvedge",
    "--message-format", "json-render-diagnostics",
  ], {
    cwd: repository, encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"],
  });
  const messages = told.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  return messages.find(({ executable }) => typeof executable === "string").executable;
}

/** Two hours of six renditions, a sound in two languages, and filters in AMS's documents. */
function publish() {
  const ffmpeg = (...flags) =>
    execFileSync("ffmpeg", ["-v", "error", "-nostdin", "-y", ...flags], { stdio: "inherit" });
  mkdirSync(store, { recursive: true });
  const files = [];
  const long = (name, ...flags) => {
    const minute = join(folder, `minute-${name}`);
    ffmpeg(...flags, "-t", "60", minute);
    const file = join(folder, name);
    ffmpeg("-stream_loop", String(MINUTES - 1), "-i", minute, "-map", "0", "-c", "copy", file);
    files.push(file);
  };
  const lavfi = (text) => ["-f", "lavfi", "-i", text];
  for (let level = 0; level < 6; level += 1) {
    long(`film_${level}.mp4`, ...lavfi("testsrc2=s=160x90:r=25:d=60"), "-c:v", "libx264",
      "-preset", "ultrafast", "-crf", String(50 - 4 * level), "-g", "50", "-keyint_min", "50",
      "-sc_threshold", "0", "-bf", "2");
  }
  for (const [language, tone] of [["eng", 440], ["fra", 220]]) {
    long(`film_${language}.mp4`, ...lavfi(`sine=${tone}:r=48000:d=60`), "-c:a", "aac", "-b:a",
      "32k", "-metadata:s:a:0", `language=${language}`);
  }
  const run = (...flags) => execFileSync(binary, [...flags, "--store", store], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  run("--log", "error", "publish", "--asset", "film", "--name", "film", "--locator",
    "7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e", ...files);
  run("filter", "create", "window", "--start", "600.5", "--end", "6600");
  run("filter", "create", "tracks", "--asset", "film", "--track", "Type=video",
    "--track", "Type=audio,Language=en");
}

async function get(worker, path) {
  const response = await fetch(worker.url + path);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
  return { text, timing: response.headers.get("Server-Timing") };
}

async function ask(worker, { path }, count) {
  for (let left = count; left > 0; left -= 1) await get(worker, path);
}

/** The first request a worker ever gets: nothing is cached. */
async function cold(one) {
  const worker = await startWorker(signed);
  try {
    if (one.path === undefined) {
      const master = await get(worker, manifests[1].path);
      const child = /^QualityLevels\(\d+\)\/Manifest\(.*$/m.exec(master.text)[0];
      one.path = `/${id}/film.ism/${child}`;
      return await cold(one);
    }
    const { text, timing } = await get(worker, one.path);
    one.bytes = text.length;
    const count = (name) => Number(new RegExp(`${name};desc="(\\d+) reads`).exec(timing)[1]);
    one.index = count("index");
    one.documents = count("documents");
    // The locator beside the endpoint's settings; the filters beside the index's head; the
    // timelines, where the manifest lists segments or a window needs them.
    one.waits = 1 + 1 + (one.index > 1 ? 1 : 0);
  } finally {
    await worker.close();
  }
}

function report() {
  const best = ({ rounds }) => Math.min(...rounds);
  const row = (one) => `| ${one.what} | ${one.bytes} | ${best(one).toFixed(2)} | ` +
    `${one.documents} | ${one.index} | ${one.waits} |`;
  const text = `# What a filtered manifest costs

\`cargo xtask bench -- --record\` printed this, on ${cpus().length} × ${cpus()[0].model.trim()},
${new Date().toISOString().slice(0, 10)}.

Two hours of pictures in six renditions and of sound in two languages. The filters leave the time
from 600.5 s to 6600 s, all pictures and one sound; one is the account's, one the asset's. The
manifests are asked of the worker in workerd over an HTTP origin, ${ROUNDS} rounds of ${REQUESTS}
each, by turns. CPU is that of the whole workerd process, HTTP included, everything cached; the best
round, which the machine's other work disturbed least. At most ${MOST_MILLISECONDS} ms are allowed
for a filtered one. Reads are those of the first request a worker gets, with nothing cached;
documents are the locator, and those filters that are there. \`tests/it/filters.rs\` counts how many
of them wait for another: at most ${MOST_ROUNDS} rounds.

| manifest | bytes | CPU a request, ms | documents read | index reads | rounds of reads |
|---|---|---|---|---|---|
${manifests.map(row).join("\n")}
`;
  process.stdout.write(text);
  if (process.argv.includes("--record")) {
    mkdirSync(new URL("../record", import.meta.url), { recursive: true });
    writeFileSync(fileURLToPath(new URL("../record/manifest.md", import.meta.url)), text);
  }
  const slow = manifests.filter((one) => one.filtered && best(one) > MOST_MILLISECONDS);
  if (slow.length > 0) throw new Error(`slower than it may be: ${slow.map((one) => one.what)}`);
  const far = manifests.filter((one) => one.waits > MOST_ROUNDS);
  if (far.length > 0) throw new Error(`too many rounds of reads: ${far.map((one) => one.what)}`);
}
