// What encryption costs the worker beside clear media.  In: the built worker, ffmpeg.
// Out: a table, on standard output and in bench/record/encrypted.md with --record.
//
//     cargo xtask bench
//
// CPU time is that of the workerd process, all threads, from /proc. Schemes are asked by turns, so
// that what else the machine does falls on all.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { secret, serveNatively } from "../../tests/worker/demo.mjs";
import { repository, startWorker } from "../../tests/worker/worker.mjs";
import { cpuSeconds, workerdBelow } from "./process.mjs";

const ROUNDS = 9;
const REQUESTS = 100; // of each scheme, each round
const MOST_MILLISECONDS = 6; // to encrypt a segment of 3 MB

const store = mkdtempSync(join(tmpdir(), "selvedge-bench-"));
const run = ["run", "--quiet", "--release", "--package", "selvedge-bench", "--bin", "bench_store"];
const told = execFileSync("cargo", [...run, "--", store], { cwd: repository, encoding: "utf8" });
const { binary, heavy } = JSON.parse(told);
const film = encrypted(heavy.hls);
const native = await serveNatively({ store, binary });
const signed = { STORE: "origin", ORIGIN_URL: native.url, ORIGIN_SECRET: secret };
const worker = await startWorker(signed);
const workerd = workerdBelow(process.pid);
const schemes = [
  ["pictures, clear", "", "video"],
  ["pictures, cenc", "cenc", "video"],
  ["pictures, cbcs", "cbcs-aapl", "video"],
  ["pictures, AES-128", "cbc", "video"],
  ["sound, clear", "", "audio"],
  ["sound, cenc", "cenc", "audio"],
  ["sound, cbcs", "cbcs-aapl", "audio"],
].map(([what, scheme, kind]) => ({ what, scheme, kind, rounds: [] }));

try {
  for (const one of schemes) one.segments = await segments(one);
  for (const one of schemes) await ask(one);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const one of schemes) one.rounds.push(await ask(one));
  }
  report();
} finally {
  await worker.close();
  native.close();
  rmSync(store, { recursive: true });
}

/** A second locator of the film at `hls`, which gives it out clear or encrypted, as URLs ask. */
function encrypted(hls) {
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
  put("policies/streaming/all.json", { name: "all", properties: schemes });
  const id = "00000000-0000-4000-9000-000000000000";
  const value = Buffer.alloc(16, 7).toString("base64");
  const types = ["EnvelopeEncryption", "CommonEncryptionCenc", "CommonEncryptionCbcs"];
  const kid = "60000000-0000-4000-8000-000000000001";
  const contentKeys = types.map((type) => ({ id: kid, type, value }));
  const { assetName } = properties;
  const locator = { assetName, streamingLocatorId: id, streamingPolicyName: "all", contentKeys };
  put(`locators/${id}.json`, { properties: locator });
  return hls.replace(clear, id);
}

/** Whole segments of the film's pictures, or of its sound; the last is shorter. */
async function segments({ scheme, kind }) {
  const path = scheme === "" ? film : film.replace(")", `,encryption=${scheme})`);
  const text = async (path) => (await fetch(native.url + path)).text();
  const folder = (path) => path.slice(0, path.lastIndexOf("/") + 1);
  const list = await text(path);
  const media = kind === "video"
    ? list.split("\n").find((line) => line.startsWith("QualityLevels"))
    : /TYPE=AUDIO.*URI="([^"]*)"/.exec(list)[1];
  const playlist = folder(path) + media;
  const found = (await text(playlist)).split("\n").filter((line) => line.startsWith("Fragments"));
  return found.slice(0, -1).map((line) => folder(playlist) + line);
}

async function ask(one) {
  const before = cpuSeconds(workerd);
  let bytes = 0;
  for (let n = 0; n < REQUESTS; n += 1) {
    const response = await fetch(worker.url + one.segments[n % one.segments.length]);
    if (response.status !== 200) throw new Error(await response.text());
    bytes += (await response.arrayBuffer()).byteLength;
  }
  one.bytes = Math.round(bytes / REQUESTS);
  return ((cpuSeconds(workerd) - before) * 1000) / REQUESTS;
}

function report() {
  const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  for (const one of schemes) one.cpu = median(one.rounds);
  const clear = ({ kind }) => schemes.find((one) => one.kind === kind && one.scheme === "");
  const more = (one) => one.cpu - clear(one).cpu;
  const row = (one) =>
    `| ${one.what} | ${one.bytes} | ${one.cpu.toFixed(2)} | ${more(one).toFixed(2)} |`;
  const text = `# What encryption costs

\`cargo xtask bench -- --record\` printed this, on ${cpus().length} × ${cpus()[0].model.trim()},
${new Date().toISOString().slice(0, 10)}.

CMAF segments of six seconds of H.264 at 4 Mbit/s, and of AAC at 128 kbit/s, asked of the worker in
workerd over an HTTP origin, ${ROUNDS} rounds of ${REQUESTS} of each scheme, by turns. CPU is that
of the whole workerd process, HTTP and streams included; medians of the rounds.

| segment | bytes | CPU a request, ms | more than clear, ms |
|---|---|---|---|
${schemes.map(row).join("\n")}
`;
  process.stdout.write(text);
  if (process.argv.includes("--record")) {
    const record = fileURLToPath(new URL("../record/", import.meta.url));
    mkdirSync(record, { recursive: true });
    writeFileSync(join(record, "encrypted.md"), text);
  }
  const worst = Math.max(...schemes.map(more));
  if (worst > MOST_MILLISECONDS) throw new Error(`${worst} ms to encrypt a segment`);
}
