// What encryption costs the worker beside clear media.  In: the built worker, ffmpeg.
// Out: a table, on standard output and in bench/record/encrypted.md with --record.
//
//     cargo xtask bench

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { median, record } from "../record.mjs";
import { askSegments, byTurns, onStage, segmentsOf } from "./stage.mjs";

const ROUNDS = 9;
const REQUESTS = 100; // of each scheme, each round
const MOST_MILLISECONDS = 6; // to encrypt a segment of 3 MB

const schemes = [
  ["pictures, clear", "", "video"],
  ["pictures, cenc", "cenc", "video"],
  ["pictures, cbcs", "cbcs-aapl", "video"],
  ["pictures, AES-128", "cbc", "video"],
  ["sound, clear", "", "audio"],
  ["sound, cenc", "cenc", "audio"],
  ["sound, cbcs", "cbcs-aapl", "audio"],
].map(([what, scheme, kind]) => ({ what, scheme, kind }));

await onStage(async ({ store, heavy, native, worker }) => {
  const film = encrypted(store, heavy.hls);
  for (const one of schemes) {
    const asked = one.scheme === "" ? film : film.replace(")", `,encryption=${one.scheme})`);
    one.segments = await segmentsOf(native, asked, one.kind);
  }
  await byTurns(worker, schemes, ROUNDS, (one) => askSegments(worker, one, REQUESTS));
});
report();

/** A second locator of the film at `hls`, which gives it out clear or encrypted, as URLs ask. */
function encrypted(store, hls) {
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

function report() {
  for (const one of schemes) one.cpu = median(one.rounds);
  const clear = ({ kind }) => schemes.find((one) => one.kind === kind && one.scheme === "");
  const more = (one) => one.cpu - clear(one).cpu;
  const row = (one) =>
    `| ${one.what} | ${one.bytes} | ${one.cpu.toFixed(2)} | ${more(one).toFixed(2)} |`;
  record("encrypted", "What encryption costs", `\
CMAF segments of six seconds of H.264 at 4 Mbit/s, and of AAC at 128 kbit/s, asked of the worker in
workerd over an HTTP origin, ${ROUNDS} rounds of ${REQUESTS} of each scheme, by turns. CPU is that
of the whole workerd process, HTTP and streams included; medians of the rounds.

| segment | bytes | CPU a request, ms | more than clear, ms |
|---|---|---|---|
${schemes.map(row).join("\n")}
`);
  const worst = Math.max(...schemes.map(more));
  if (worst > MOST_MILLISECONDS) throw new Error(`${worst} ms to encrypt a segment`);
}
