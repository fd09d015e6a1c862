// What a filtered manifest of two hours in six renditions costs.  In: the built worker, ffmpeg.
// Out: a table, on standard output and in bench/record/manifest.md with --record.
//
//     cargo xtask bench
//
// The film is a minute over and over: what a manifest costs depends on how much it lists, not on
// what the pictures show.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mint, now, ring } from "../../tests/worker/mint.mjs";
import { built } from "../program.mjs";
import { median, record } from "../record.mjs";
import { beforeWorker, byTurns, get, withWorker } from "./stage.mjs";

const ROUNDS = 9;
const REQUESTS = 60; // of each manifest, each round
const MOST_MILLISECONDS = 3; // a filtered manifest, its documents and index head in the cache
const MOST_ROUNDS = 3; // of reads, each waiting for the one before, nothing in any cache
const MINUTES = 120;

const id = "7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0e";
const closedId = "7ae5ae3e-9dd1-4ad3-9a5c-3f5d1f6f1a0f";
const settings = { TOKEN_SECRETS: ring };
const folder = mkdtempSync(join(tmpdir(), "selvedge-bench-"));
const store = join(folder, "store");
const binary = built();
const manifests = cases();

try {
  publish();
  await beforeWorker({ store, binary, settings }, async ({ native, worker }) => {
    for (const one of manifests) one.path ??= await mediaPlaylist(worker);
    for (const one of manifests) {
      await withWorker(native, (fresh) => cold(fresh, one), settings);
    }
    await byTurns(worker, manifests, ROUNDS, (one) => ask(worker, one));
  });
  report();
} finally {
  rmSync(folder, { recursive: true });
}

/** (what, path, filtered) of the manifests measured. */
function cases() {
  const path = (rest) => `/${id}/film.ism/${rest}`;
  const filter = "filter=window;tracks";
  // A locator that needs a token, and one that says all a token can.
  const dash = path(`manifest(format=mpd-time-cmaf,${filter})`).replace(id, closedId);
  const token = mint({
    exp: now + 86_400, nbf: 0, loc: closedId, path: `/${closedId}/film.ism`,
    ip: ["127.0.0.0/8", "::1"], sid: "bench", jti: "bench",
  });
  return [
    ["HLS, master", path(`manifest(format=m3u8-cmaf)`), false],
    ["HLS, master, filtered", path(`manifest(format=m3u8-cmaf,${filter})`), true],
    ["HLS, pictures, filtered", undefined, true],
    ["MPD", path(`manifest(format=mpd-time-cmaf)`), false],
    ["MPD, filtered", path(`manifest(format=mpd-time-cmaf,${filter})`), true],
    ["Smooth Streaming, filtered", path(`manifest(${filter})`), true],
    ["MPD, filtered, token in the path", `/~${token}${dash}`, true],
    ["MPD, filtered, token in the query", `${dash}?token=${token}`, true],
  ].map(([what, path, filtered]) => ({ what, path, filtered }));
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
  const closed = {
    assetName: "film", streamingPolicyName: "Predefined_ClearStreamingOnly",
    playerTokenRequired: true,
  };
  writeFileSync(join(store, "locators", `${closedId}.json`), JSON.stringify(closed));
  run("filter", "create", "window", "--start", "600.5", "--end", "6600");
  run("filter", "create", "tracks", "--asset", "film", "--track", "Type=video",
    "--track", "Type=audio,Language=en");
}

/** The first media playlist of pictures that the filtered master names. */
async function mediaPlaylist(worker) {
  const { body } = await get(worker, manifests[1].path);
  const [child] = /^QualityLevels\(\d+\)\/Manifest\(.*$/m.exec(Buffer.from(body).toString());
  return `/${id}/film.ism/${child}`;
}

async function ask(worker, { path }) {
  for (let left = REQUESTS; left > 0; left -= 1) await get(worker, path);
  return REQUESTS;
}

/** The first request a worker ever gets: nothing is cached. */
async function cold(worker, one) {
  const { bytes, timing } = await get(worker, one.path);
  one.bytes = bytes;
  const count = (name) => Number(new RegExp(`${name};desc="(\\d+) reads`).exec(timing)[1]);
  one.index = count("index");
  one.documents = count("documents");
  // The locator beside the endpoint's settings; the filters beside the index's head; the
  // timelines, where the manifest lists segments or a window needs them.
  one.waits = 1 + 1 + (one.index > 1 ? 1 : 0);
}

function report() {
  const row = (one) => `| ${one.what} | ${one.bytes} | ${median(one.rounds).toFixed(2)} | ` +
    `${one.documents} | ${one.index} | ${one.waits} |`;
  record("manifest", "What a filtered manifest costs", `\
Two hours of pictures in six renditions and of sound in two languages. The filters leave the time
from 600.5 s to 6600 s, all pictures and one sound; one is the account's, one the asset's. The
manifests are asked of the worker in workerd over an HTTP origin, ${ROUNDS} rounds of ${REQUESTS}
each, by turns. CPU is that of the whole workerd process, HTTP included, everything cached; medians
of the rounds. At most ${MOST_MILLISECONDS} ms are allowed for a filtered one. Reads are those of
the first request a worker gets, with nothing cached; documents are the locator, and those filters
that are there. Tokens have every claim a workerd at home can meet. \`tests/it/filters.rs\` counts
how many reads wait for another: at most ${MOST_ROUNDS} rounds, under a policy of one's own too.

| manifest | bytes | CPU a request, ms | documents read | index reads | rounds of reads |
|---|---|---|---|---|---|
${manifests.map(row).join("\n")}
`);
  const isSlow = ({ rounds }) => median(rounds) > MOST_MILLISECONDS;
  const slow = manifests.filter((one) => one.filtered && isSlow(one));
  if (slow.length > 0) throw new Error(`slower than it may be: ${slow.map((one) => one.what)}`);
  const far = manifests.filter((one) => one.waits > MOST_ROUNDS);
  if (far.length > 0) throw new Error(`too many rounds of reads: ${far.map((one) => one.what)}`);
}
