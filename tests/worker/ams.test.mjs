// An asset as Azure Media Services left it, documents as Azure Resource Manager exported them
// (`ams/`), media made on the spot: it plays at its old URLs in every format its policy allows, and
// is refused in the others with AMS's code. By the worker as by the native server.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { secret, serveNatively } from "./demo.mjs";
import { build, repository, startWorker } from "./worker.mjs";

const ASSET = "output-3f1c-show";
const STREAMING = "3f1c5d0a-6b7e-4f0b-9c1d-2e3f4a5b6c7d";
const OPEN = "aaaa5d0a-6b7e-4f0b-9c1d-2e3f4a5b6c7d";
const KEYS = "bbbb5d0a-6b7e-4f0b-9c1d-2e3f4a5b6c7d";
const PAST = "cccc5d0a-6b7e-4f0b-9c1d-2e3f4a5b6c7d";

const fixtures = join(repository, "tests/worker/ams");
const servers = {};
const closing = [];
let store, binary;

before(async () => {
  build();
  binary = built();
  store = mkdtempSync(join(tmpdir(), "selvedge-ams-"));
  layOut(join(store, "assets", ASSET));
  const given = (name) => ["--file", join(fixtures, name), "--store", store];
  run(["policy", "create", "contoso-hls-dash", ...given("policy.json")]);
  run(["filter", "create", "small", ...given("filter.json")]);
  run(["filter", "create", "least", "--asset", ASSET, "--track", "Type=video,Bitrate=0-500000",
    "--track", "Type=audio", "--store", store]);
  run(["endpoint", "create", "default", ...given("endpoint.json")]);
  for (const name of ["streaming", "open", "keys", "past"]) {
    run(["locator", "create", ...given(`locator-${name}.json`)]);
  }
  const native = await serveNatively({ binary, store });
  closing.push(native);
  servers.native = native.url;
  // The first request finds no index, as AMS left none, and the native server stores one.
  assert.equal((await ask("native", `/${OPEN}/show.ism/manifest`)).status, 200);
  await indexed();
  const signed = { STORE: "origin", ORIGIN_URL: native.url, ORIGIN_SECRET: secret };
  const worker = await startWorker(signed);
  closing.push(worker);
  servers.worker = worker.url;
});

after(async () => {
  for (const server of closing.reverse()) await server.close();
  if (store !== undefined) rmSync(store, { recursive: true });
});

function built() {
  const told = execFileSync("cargo", [
    "build", "--quiet", "--package", "selvedge-origin", "--bin", "selvedge",
    "--message-format", "json-render-diagnostics",
  ], {
    cwd: repository, encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"],
  });
  const messages = told.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  return messages.find(({ executable }) => typeof executable === "string").executable;
}

function run(flags) {
  return execFileSync(binary, flags, { encoding: "utf8" });
}

/** The asset's folder, media encoded as AMS's encoder did: closed GOPs of 2 s, aligned. */
function layOut(folder) {
  mkdirSync(folder, { recursive: true });
  for (const name of ["show.ism", "show.ismc", "fr.vtt"]) {
    copyFileSync(join(fixtures, name), join(folder, name));
  }
  const lavfi = (text) => ["-f", "lavfi", "-i", text];
  const sound = ["-c:a", "aac", "-b:a", "128k"];
  const film = (name, size, bitrate, more) => ffmpeg(
    ...lavfi(`testsrc2=s=${size}:r=25:d=12`), ...more,
    "-c:v", "libx264", "-preset", "veryfast", "-b:v", bitrate, "-g", "50", "-keyint_min", "50",
    "-sc_threshold", "0", "-bf", "2", "-shortest", join(folder, name));
  film("show_640x360_900.mp4", "640x360", "900k", [...lavfi("sine=440:r=48000:d=12"), ...sound]);
  film("show_320x180_300.mp4", "320x180", "300k", [...lavfi("sine=440:r=48000:d=12"), ...sound]);
  ffmpeg(...lavfi("sine=220:r=48000:d=12"), ...sound, "-f", "mp4", join(folder, "ad.m4a"));
}

function ffmpeg(...flags) {
  return execFileSync("ffmpeg", ["-v", "error", "-nostdin", "-y", ...flags], { encoding: "utf8" });
}

/** Waits until the index is stored, which the reply does not wait for. */
async function indexed() {
  const index = join(store, "assets", ASSET, "show.ism.index");
  for (let left = 500; left > 0; left -= 1) {
    if (statSync(index, { throwIfNoEntry: false }) !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail("no index was stored");
}

async function ask(server, path, init) {
  const response = await fetch(servers[server] + path, init);
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes, text: bytes.toString() };
}

/** Asks both, whose answers have to be the same. */
async function same(path, init) {
  const want = await ask("native", path, init);
  const have = await ask("worker", path, init);
  assert.equal(have.status, want.status, `${path}: ${have.text.slice(0, 200)}`);
  assert.equal(Buffer.compare(have.bytes, want.bytes), 0, `${path}: bodies differ`);
  for (const name of ["content-type", "etag", "last-modified", "content-range", "cache-control"]) {
    assert.equal(have.headers.get(name), want.headers.get(name), `${path}: ${name}`);
  }
  return want;
}

/** What ffmpeg demuxes of the pictures and sounds of a manifest: a line a packet, by stream. */
function demuxed(url) {
  // Of several representations at once ffmpeg's DASH demuxer loses last packets.
  const dash = url.includes("mpd");
  const maps = dash ? ["0:v:0", "0:a:0"] : ["0:v", "0:a"];
  const flags = dash ? [] : ["-allowed_extensions", "ALL"];
  const mapped = maps.flatMap((map) => ["-map", map]);
  const told = ffmpeg(...flags, "-i", url, ...mapped, "-c", "copy", "-f", "framemd5", "-");
  const streams = [];
  for (const line of told.split("\n").filter((line) => /^\d/.test(line))) {
    const [stream, , ...packet] = line.split(",");
    (streams[Number(stream)] ??= []).push(packet.join(","));
  }
  return streams;
}

test("it plays at its old address in HLS and DASH, which its policy allows", async () => {
  const root = `/${STREAMING}/show.ism/manifest`;
  for (const format of [
    "m3u8-cmaf", "m3u8-aapl", "m3u8-aapl-v3", "m3u8-aapl-v8", "mpd-time-cmaf", "mpd-time-csf",
  ]) {
    const path = `${root}(format=${format})`;
    const manifest = await same(path);
    assert.equal(manifest.status, 200, manifest.text);
    assert.equal(manifest.headers.get("cache-control"), "public, max-age=3600");
    const native = demuxed(servers.native + path);
    assert.deepEqual(demuxed(servers.worker + path), native, path);
    const lengths = native.map((packets) => packets.length);
    const [pictures, sounds] = format.includes("mpd") ? [1, 1] : [2, 2];
    const shown = lengths.slice(0, pictures);
    assert.ok(shown.every((packets) => packets === 300), `${format}: ${lengths}`);
    const heard = lengths.slice(pictures);
    assert.equal(heard.length, sounds, `${format}: ${lengths}`);
    assert.ok(heard.every((packets) => packets >= 562 && packets <= 565), `${format}: ${lengths}`);
  }
});

test("addresses as old players and links spelt them still work", async () => {
  for (const path of [
    `/${STREAMING.toUpperCase()}/show.ism/Manifest(format=m3u8-aapl)`,
    `/${STREAMING}/show.ism/manifest(format=m3u8-aapl-v4)`,
    `/${STREAMING}/show.ism/manifest(format=m3u8-cmaf).m3u8`,
    `/${STREAMING}/show.ism/manifest%28format=mpd-time-csf%29`,
    `/${STREAMING}/show.ism/manifest(format=mpd-time-csf,audio-only=false)`,
    `/${STREAMING}/show.ism/manifest(format=m3u8-aapl-v3,audioTrack=audio_description)`,
    `/${STREAMING}/show.ism/QualityLevels(913590)/Manifest(video,format=m3u8-aapl)`,
    `/${STREAMING}/show.ism/QualityLevels(913590)/Fragments(video=i,format=mpd-time-csf)`,
  ]) {
    assert.equal((await same(path)).status, 200, path);
  }
});

test("an exported filter shapes it", async () => {
  const { text } = await same(`/${STREAMING}/show.ism/manifest(format=m3u8-cmaf,filter=small)`);
  assert.match(text, /QualityLevels\(306428\)/);
  assert.doesNotMatch(text, /QualityLevels\(913590\)|SUBTITLES/);
  const level = `/${STREAMING}/show.ism/QualityLevels(306428)`;
  const playlist = await same(`${level}/Manifest(video,format=m3u8-cmaf,filter=small)`);
  assert.equal(playlist.text.match(/#EXTINF/g).length, 1, playlist.text);
  const dash = `/${STREAMING}/show.ism/manifest(format=mpd-time-cmaf,filter=small)`;
  const streams = demuxed(servers.worker + dash);
  // The window begins at 7 s, in the second of two fragments of 6 s, and that stays whole.
  assert.equal(streams[0].length, 150);
  assert.deepEqual(demuxed(servers.native + dash), streams);
});

/** (seconds, hash) of every packet, by stream. */
function timed(url) {
  const flags = url.includes("mpd") ? [] : ["-allowed_extensions", "ALL"];
  const told = ffmpeg(...flags, "-i", url, "-map", "0:v:0", "-map", "0:a:0", "-c", "copy",
    "-f", "framemd5", "-");
  const scale = [...told.matchAll(/^#tb \d+: (\d+)\/(\d+)/gm)].map(([, a, b]) => a / b);
  const streams = [[], []];
  for (const line of told.split("\n").filter((line) => /^\d/.test(line))) {
    const [stream, , pts, , , hash] = line.split(",").map((field) => field.trim());
    streams[Number(stream)].push([Number(pts) * scale[Number(stream)], hash]);
  }
  return streams;
}

test("a trimmed view has the times of the whole, pictures and sound alike", () => {
  for (const format of ["m3u8-cmaf", "m3u8-aapl", "mpd-time-cmaf", "mpd-time-csf"]) {
    const url = `${servers.worker}/${STREAMING}/show.ism/manifest(format=${format}`;
    const [part, whole] = [timed(`${url},filter=small)`), timed(`${url},filter=least)`)];
    const shifts = part.map((packets, stream) => {
      assert.ok(packets.length > 100, `${format}: ${packets.length} packets`);
      const rest = whole[stream].slice(-packets.length);
      return packets.map(([time, hash], at) => {
        assert.equal(hash, rest[at][1], `${format}: stream ${stream}, packet ${at}`);
        return rest[at][0] - time;
      });
    });
    const all = shifts.flat();
    const spread = Math.max(...all) - Math.min(...all);
    assert.ok(spread < 0.001, `${format}: pictures and sound move apart by ${spread} s`);
    assert.ok(Math.abs(all[0] - 6) < 0.03, `${format}: begins at ${all[0]} s`);
  }
});

test("where the policy is open it plays in Smooth Streaming as well", async () => {
  for (const [path, minor] of [["manifest", 2], ["manifest(format=fmp4-v20)", 0]]) {
    const { status, text } = await same(`/${OPEN}/show.ism/${path}`);
    assert.equal(status, 200, text);
    assert.match(text, new RegExp(`MajorVersion="2" MinorVersion="${minor}"`));
  }
  for (const stream of [
    "QualityLevels(913590)/Fragments(video=0)",
    "QualityLevels(306428)/Fragments(video=0)",
    "QualityLevels(128027)/Fragments(aac_eng_2_128027_2_1=0)",
    "QualityLevels(96000)/Fragments(audio_description=0)",
    "QualityLevels(52)/Fragments(subt_fr-fr=0)",
  ]) {
    const { status, bytes } = await same(`/${OPEN}/show.ism/${stream}`);
    assert.equal(status, 200, `${stream}: ${bytes.subarray(0, 200)}`);
    assert.equal(bytes.subarray(4, 8).toString(), "moof", stream);
  }
});

test("files download where the policy allows it, ranges included", async () => {
  const whole = await same(`/${OPEN}/show_640x360_900.mp4`);
  const path = join(store, "assets", ASSET, "show_640x360_900.mp4");
  assert.equal(whole.bytes.length, statSync(path).size);
  assert.equal(whole.headers.get("content-type"), "video/mp4");
  const size = whole.bytes.length;
  for (const [range, first, end] of [
    ["bytes=0-0", 0, 1],
    ["bytes=1000-", 1000, size],
    [`bytes=${size - 5}-${size + 5}`, size - 5, size],
    ["bytes=-100", size - 100, size],
  ]) {
    const part = await same(`/${OPEN}/show_640x360_900.mp4`, { headers: { Range: range } });
    assert.equal(part.status, 206, range);
    assert.equal(Buffer.compare(part.bytes, whole.bytes.subarray(first, end)), 0, range);
  }
  const head = await same(`/${OPEN}/show_640x360_900.mp4`, { method: "HEAD" });
  assert.equal(head.status, 200);
  const etag = whole.headers.get("etag");
  const modified = whole.headers.get("last-modified");
  assert.ok(etag !== null && modified !== null);
  for (const [headers, status] of [
    [{ "If-None-Match": etag }, 304],
    [{ "If-Modified-Since": modified }, 304],
    [{ Range: "bytes=0-9", "If-Range": etag }, 206],
    [{ Range: "bytes=0-9", "If-Range": modified }, 206],
    [{ Range: "bytes=0-9", "If-Range": '"other"' }, 200],
    [{ Range: `bytes=${size}-` }, 416],
  ]) {
    const answer = await same(`/${OPEN}/show_640x360_900.mp4`, { headers });
    assert.equal(answer.status, status, JSON.stringify(headers));
  }
  assert.equal((await same(`/${OPEN}/fr.vtt`)).headers.get("content-type"), "text/vtt");
  const pipe = execFileSync("ffprobe", ["-v", "error", "-show_entries", "format=duration", "-of",
    "csv=p=0", `${servers.worker}/${OPEN}/show_320x180_300.mp4`], { encoding: "utf8" });
  assert.ok(Number(pipe) > 11.9, pipe);
});

test("what the policy does not allow is refused with AMS's code", async () => {
  for (const [path, status, code] of [
    [`/${STREAMING}/show.ism/manifest`, 403, "MPE_OUTPUT_FORMAT_BLOCKED"],
    [`/${STREAMING}/show.ism/manifest(format=fmp4-v20)`, 403, "MPE_OUTPUT_FORMAT_BLOCKED"],
    [`/${STREAMING}/show_640x360_900.mp4`, 403, "MPE_OUTPUT_FORMAT_BLOCKED"],
    [
      `/${STREAMING}/show.ism/manifest(format=mpd-time-csf,encryption=cenc)`, 403,
      "MPE_ENC_ENCRYPTION_NOT_SET_IN_DELIVERY_POLICY",
    ],
    [`/${OPEN}/show.ism`, 403, "MPE_OUTPUT_FORMAT_BLOCKED"],
    [`/${OPEN}/show.ismc`, 403, "MPE_OUTPUT_FORMAT_BLOCKED"],
    [`/${OPEN}/show.ism.index`, 403, "MPE_OUTPUT_FORMAT_BLOCKED"],
    [`/${OPEN}/none.mp4`, 404, "MPE_RESOURCE_NOT_FOUND"],
    [`/${KEYS}/show.ism/manifest(format=m3u8-cmaf)`, 403, "MPE_OUTPUT_FORMAT_BLOCKED"],
    [
      `/${KEYS}/show.ism/manifest(format=mpd-time-cmaf)`, 400,
      "MPE_ENC_ENCRYPTION_NOT_SPECIFIED_IN_URL",
    ],
    [
      `/${KEYS}/show.ism/manifest(format=mpd-time-cmaf,encryption=cbc)`, 403,
      "MPE_ENC_ENCRYPTION_NOT_SET_IN_DELIVERY_POLICY",
    ],
    [`/${KEYS}/show_640x360_900.mp4`, 403, "MPE_OUTPUT_FORMAT_BLOCKED"],
    [`/${PAST}/show.ism/manifest(format=m3u8-cmaf)`, 404, "MPE_UNAUTHORIZED"],
    [
      `/${STREAMING}/show.ism/manifest(format=m3u8-cmaf,filter=none)`, 404,
      "MPE_EGRESS_FILTER_NOT_FOUND",
    ],
  ]) {
    const answer = await same(path);
    assert.equal(answer.status, status, `${path}: ${answer.text}`);
    assert.ok(answer.text.includes(code), `${path}: ${answer.text}`);
  }
});

test("the endpoint's files are at the root", async () => {
  assert.match((await same("/crossdomain.xml")).text, /contoso\.example/);
  assert.match((await same("/clientaccesspolicy.xml")).text, /access-policy/);
});

test("the paths the program prints are those that answer", async () => {
  const told = run(["locator", "paths", OPEN, "--json", "--store", store]);
  const { streamingPaths, downloadPaths } = JSON.parse(told);
  const paths = [...streamingPaths.flatMap((one) => one.paths), ...downloadPaths];
  assert.ok(paths.length >= 10, told);
  for (const path of paths) assert.equal((await same(path)).status, 200, path);
  const blocked = JSON.parse(run(["locator", "paths", STREAMING, "--json", "--store", store]));
  assert.deepEqual(blocked.streamingPaths.map((one) => one.streamingProtocol), ["Hls", "Dash"]);
  assert.deepEqual(blocked.downloadPaths, []);
});
