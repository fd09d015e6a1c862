// The worker answers as the native server does: over an HTTP origin, over a bucket, byte for byte.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { crawl } from "./crawl.mjs";
import { publishDemo, secret, serveNatively } from "./demo.mjs";
import { build, startWorker } from "./worker.mjs";

let demo, paths;
const natives = {};
const workers = {};

before(async () => {
  build();
  demo = publishDemo();
  natives.origin = await serveNatively(demo, ["--explain"]);
  // A bucket tags objects by itself, so tags go unchecked there, and in the server beside it.
  natives.bucket = await serveNatively(demo, ["--ignore-etags", "--explain"]);
  const signed = { STORE: "origin", ORIGIN_URL: natives.origin.url, ORIGIN_SECRET: secret };
  workers.origin = await startWorker({ EXPLAIN: true, ...signed });
  const bucket = { STORE: "r2", CHECK_ETAGS: false, EXPLAIN: true };
  workers.bucket = await startWorker(bucket, demo.store);
  const transport = (hls) => ["m3u8-aapl", "m3u8-aapl-v3", "m3u8-aapl-v8"].map(
    (format) => hls.replace("m3u8-cmaf", format));
  const old = ({ dash, smooth }) => [
    dash.replace("mpd-time-cmaf", "mpd-time-csf"), smooth, `${smooth}(format=fmp4-v20)`,
  ];
  const manifests = demo.assets.flatMap((asset) =>
    [asset.hls, asset.dash, ...transport(asset.hls), ...old(asset)]);
  paths = await crawl(natives.origin.url, manifests);
});

after(async () => {
  for (const worker of Object.values(workers)) await worker.close();
  for (const native of Object.values(natives)) native.close();
  demo?.remove();
});

/** Headers that are the runtime's own business. */
const transport = new Set([
  "connection", "date", "keep-alive", "server-timing", "transfer-encoding",
]);

async function answer(server, path, init = {}) {
  // The simulator before workerd would compress text, as Cloudflare does.
  const headers = { "Accept-Encoding": "identity", ...init.headers };
  const response = await fetch(server + path, { ...init, headers });
  const bytes = Buffer.from(await response.arrayBuffer());
  const told = [...response.headers].filter(([name]) => !transport.has(name));
  const timing = response.headers.get("server-timing");
  return { status: response.status, headers: Object.fromEntries(told), bytes, timing };
}

const isFile = (path) => !/\.ism\/|\.(m3u8|mpd)(\?|$)/.test(path);

const plain = (path) => answer(natives.origin.url, path);

/** Asks both workers and the native servers like them; gives the answer of the checking one. */
async function same(path, init) {
  let want;
  for (const [name, worker] of Object.entries(workers).reverse()) {
    want = await answer(natives[name].url, path, init);
    const have = await answer(worker.url, path, init);
    const place = `${name}: ${path} ${JSON.stringify(init ?? {})}`;
    assert.equal(have.status, want.status, `${place}: ${have.bytes.subarray(0, 200)}`);
    if (name === "bucket" && want.status < 300 && isFile(path)) {
      // Of a file given out as it is, tag and date are those its own store gave it.
      for (const { headers } of [have, want]) {
        assert.ok(headers.etag && headers["last-modified"], place);
        Object.assign(headers, { "etag": "", "last-modified": "" });
      }
    }
    assert.deepEqual(have.headers, want.headers, place);
    assert.equal(Buffer.compare(have.bytes, want.bytes), 0, `${place}: bodies differ`);
    // Transport streams are written anew, byte for byte; everything else passes untouched.
    if (have.timing !== null && !path.includes("m3u8-aapl")) {
      // Of a file given out as it is one byte is read, to learn its size.
      const untouched = path.includes(".ism/") ? /wasm-media;desc="0"/ : /wasm-media;desc="[01]"/;
      assert.match(have.timing, untouched, `${place}: media bytes in WebAssembly`);
    }
  }
  return want;
}

const segments = () => paths.filter((path) => path.includes("Fragments("));

test("the demo is worth the name", () => {
  assert.ok(demo.assets.length >= 2, "several assets");
  assert.ok(segments().length > 50, `${segments().length} segments`);
});

test("every manifest, playlist, initialization and media segment", async () => {
  for (const path of paths) {
    const { status, headers, bytes } = await same(path);
    assert.equal(status, 200, path);
    assert.equal(headers["content-length"], String(bytes.length), path);
    assert.ok(headers.etag, `${path}: ETag`);
    assert.equal(headers["access-control-allow-origin"], "*", path);
  }
});

test("what publishing found, where the deployment tells", async () => {
  const path = demo.assets[0].hls;
  for (const form of ["", "=text", "=json"]) {
    const { status, bytes } = await same(`${path}?explain${form}`);
    assert.equal(status, 200);
    const told = bytes.toString();
    assert.ok(told.includes(".mp4") && told.includes("avc1."), told);
    assert.equal(told.startsWith("{"), form === "=json");
  }
});

test("what was packaged before, whole, filtered, and with a token to hand on", async () => {
  const views = demo.stored.paths.flatMap((path) =>
    [path, `${path}?token=t.o-k_en`, path.replace(/(?=\.\w+$)/, "(filter=later)")]);
  const playlists = views.filter((path) => path.includes(".m3u8"));
  const all = new Set([...views, ...await crawl(natives.origin.url, playlists)]);
  assert.ok(all.size > 60, `${all.size} addresses`);
  for (const path of all) assert.equal((await same(path)).status, 200, path);
  const segment = [...all].find((path) => path.endsWith(".m4s"));
  const part = await same(segment, { headers: { Range: "bytes=100-199" } });
  assert.equal(Buffer.compare(part.bytes, (await plain(segment)).bytes.subarray(100, 200)), 0);
  const handed = [...all].filter((path) => path.includes("token="));
  assert.ok(handed.length > all.size / 4, `${handed.length} of ${all.size}`);
});

test("HEAD has the headers of GET and no body", async () => {
  for (const path of paths.filter((_, at) => at % 7 === 0)) {
    const whole = await plain(path);
    const head = await same(path, { method: "HEAD" });
    assert.equal(head.bytes.length, 0);
    assert.equal(head.headers["content-length"], whole.headers["content-length"], path);
    assert.equal(head.headers.etag, whole.headers.etag, path);
  }
});

test("If-None-Match of the entity tag is 304 without a body", async () => {
  for (const path of paths.filter((_, at) => at % 5 === 0)) {
    const { headers } = await plain(path);
    for (const tags of [headers.etag, `"other", W/${headers.etag}`, "*"]) {
      const { status, bytes } = await same(path, { headers: { "If-None-Match": tags } });
      assert.deepEqual([status, bytes.length], [304, 0], `${path} ${tags}`);
    }
    const other = await same(path, { headers: { "If-None-Match": '"other"' } });
    assert.equal(other.status, 200, path);
  }
});

test("a Range is the same bytes of the whole", async () => {
  for (const path of segments().filter((_, at) => at % 9 === 0)) {
    const whole = (await plain(path)).bytes;
    const size = whole.length;
    const half = Math.floor(size / 2);
    const last = size - 1;
    const cases = [[0, 0], [0, 99], [half, half + 999], [last, last], [0, last], [7, size]];
    for (const [first, last] of cases) {
      const range = `bytes=${first}-${last}`;
      const part = await same(path, { headers: { Range: range } });
      const end = Math.min(last + 1, size);
      assert.equal(part.status, 206, `${path} ${range}`);
      assert.equal(part.headers["content-range"], `bytes ${first}-${end - 1}/${size}`);
      assert.equal(Buffer.compare(part.bytes, whole.subarray(first, end)), 0, `${path} ${range}`);
    }
    const tail = await same(path, { headers: { Range: "bytes=-50" } });
    assert.equal(Buffer.compare(tail.bytes, whole.subarray(size - 50)), 0, `${path} tail`);
    const open = await same(path, { headers: { Range: `bytes=${half}-` } });
    assert.equal(Buffer.compare(open.bytes, whole.subarray(half)), 0, `${path} from the middle`);
    const beyond = await same(path, { headers: { Range: `bytes=${size}-` } });
    assert.equal(beyond.status, 416, `${path} beyond`);
    const changed = { Range: "bytes=0-9", "If-Range": '"other"' };
    assert.equal((await same(path, { headers: changed })).status, 200, `${path} If-Range`);
  }
});

test("errors", async () => {
  const { hls, dash } = demo.assets[0];
  const folder = hls.slice(0, hls.lastIndexOf("/"));
  const locator = hls.split("/")[1];
  const segment = segments().find((path) => /=\d+/.test(path));
  const cases = {
    404: [
      hls.replace(locator, "00000000-0000-4000-8000-000000000000"),
      `/${locator}/other.ism/manifest(format=m3u8-cmaf)`,
      segment.replace(/QualityLevels\(\d+\)/, "QualityLevels(1)"),
      segment.replace(/=\d+/, "=1"),
      segment.replace(/\((\w+)=/, "(nothing="),
    ],
    400: [
      "/",
      "/nothing",
      `${folder}/manifest(format=m3u8-cmaf`,
      `${folder}/manifest(format=nothing)`,
      `${folder}/QualityLevels(x)/Fragments(video=0)`,
      `${folder}/QualityLevels(1)/Fragments(video=99999999999999999999999)`,
      `${folder}/manifest(format%3Dm3u8-cmaf%`,
    ],
  };
  for (const [status, paths] of Object.entries(cases)) {
    for (const path of paths) {
      const { status: found } = await same(path);
      // What a malformed URL is called is core's business; that it is an error is ours.
      if (status === "404") assert.equal(found, 404, path);
      assert.ok(found >= 400 && found < 500, `${path}: ${found}`);
      await same(path, { method: "HEAD" });
    }
  }
  for (const method of ["POST", "PUT", "DELETE"]) {
    assert.equal((await same(dash, { method })).status, 405, method);
  }
  await same(dash, { method: "OPTIONS", headers: { Origin: "http://player.example" } });
});

test("percent-encoding and letter case of keywords change nothing", async () => {
  const { hls } = demo.assets[0];
  const plain = await same(hls);
  const encoded = hls.replace("(", "%28").replace("=", "%3D").replace(")", "%29");
  const other = await same(encoded);
  assert.equal(Buffer.compare(plain.bytes, other.bytes), 0);
});
