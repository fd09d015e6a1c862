// A hundred viewers, each with a token of his own, watch the same film at the same time: the store
// is asked once for each range, all get the same bytes, and nobody gets in with another's token.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { crawl } from "./crawl.mjs";
import { publishDemo, secret } from "./demo.mjs";
import { mint, ring } from "./mint.mjs";
import { startOrigin } from "./origin.mjs";
import { build, startWorker } from "./worker.mjs";

const VIEWERS = 100;

let demo, film, origin, worker, plain;

const settings = (more) => ({
  STORE: "origin", ORIGIN_URL: origin.url, ORIGIN_SECRET: secret, TOKEN_SECRETS: ring, ...more,
});

before(async () => {
  build();
  demo = publishDemo();
  film = demo.assets.find(({ name }) => name === "film");
  origin = await startOrigin(demo.store);
  worker = await startWorker(settings({ TOKEN_REQUIRED: true }));
  plain = await startWorker(settings({ CACHE_MEDIA: false }));
});

after(async () => {
  await worker?.close();
  await plain?.close();
  origin?.close();
  demo?.remove();
});

/** Manifests, initialization and media segments of the lowest quality and the first sound. */
async function programme() {
  const all = await crawl(plain.url, [film.hls]);
  const [low] = all.map((path) => /QualityLevels\((\d+)\)\/Manifest\(video/.exec(path)?.[1])
    .filter(Boolean).sort((a, b) => a - b);
  const chosen = new RegExp(`QualityLevels\\(${low}\\)|_eng`);
  return all.filter((path) => path === film.hls || chosen.test(path))
    .filter((path) => !path.includes("KeyFrames") && !path.includes("type="));
}

const address = (number) => `10.1.${number >> 8}.${number & 255}`;
const watch = (server, path, token, ip, query) =>
  fetch(server.url + (query ? `${path}?token=${token}` : `/~${token}${path}`), {
    headers: { "CF-Connecting-IP": ip, "Accept-Encoding": "identity" },
  });
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** What viewer `number` gets, by path. */
async function viewing(number, paths) {
  const [token, ip] = [mint({ ip: address(number), sid: `viewer-${number}` }), address(number)];
  const got = new Map();
  for (const path of paths) {
    const response = await watch(worker, path, token, ip, number % 2 === 1);
    if (response.status !== 200) {
      const said = await response.text();
      assert.fail(`viewer ${number}: ${path}: ${response.status} ${said}`);
    }
    const bytes = Buffer.from(await response.arrayBuffer());
    // A manifest has the token of the query in it, and is otherwise the same.
    const isText = /anifest\(/.test(path);
    const text = isText ? bytes.toString().replaceAll(`?token=${token}`, "") : bytes;
    got.set(path, digest(text));
    assert.match(response.headers.get("server-timing"), /wasm-media;desc="?0"?/);
  }
  return { token, got };
}

test("a hundred viewers are one reader of the store", async () => {
  const paths = await programme();
  assert.ok(paths.filter((path) => path.includes("Fragments(")).length >= 6, paths.join("\n"));
  const expected = new Map();
  for (const path of paths) {
    const bytes = Buffer.from(await (await fetch(plain.url + path)).arrayBuffer());
    expected.set(path, digest(bytes));
  }
  origin.ranges.length = 0;
  const numbers = Array.from({ length: VIEWERS }, (_, number) => number);
  const all = await Promise.all(numbers.map((number) => viewing(number, paths)));
  for (const { got } of all) assert.deepEqual(got, expected);
  const counts = new Map();
  for (const range of origin.ranges) counts.set(range, (counts.get(range) ?? 0) + 1);
  assert.ok([...counts.keys()].filter((range) => /\.mp4 /.test(range)).length >= 6);
  // Documents may be edited: they are read again, after ten seconds the soonest.
  const most = (range) => (/\.json /.test(range) ? 5 : 1);
  const twice = [...counts].filter(([range, count]) => count > most(range));
  assert.deepEqual(twice, [], "ranges that were read more than once");

  const segment = paths.findLast((path) => path.includes("Fragments("));
  for (const [number, { token }] of all.entries()) {
    const other = address((number + 1) % VIEWERS);
    const response = await watch(worker, segment, token, other, number % 2 === 0);
    assert.equal(response.status, 403, `viewer ${number} at another address`);
    await response.body.cancel();
  }
});

test("parts of a segment and a client that goes away leave the kept range whole", async () => {
  const paths = await crawl(plain.url, [film.hls]);
  const segments = paths.filter((path) => /Fragments\(video=\d/.test(path));
  const token = mint();
  const whole = async (server, path) =>
    digest(Buffer.from(await (await watch(server, path, token, "10.1.0.1")).arrayBuffer()));
  for (const path of segments) {
    const leaving = new AbortController();
    const left = await fetch(`${worker.url}/~${token}${path}`, { signal: leaving.signal });
    leaving.abort();
    assert.equal(left.status, 200);
    const part = await fetch(`${worker.url}/~${token}${path}`, {
      headers: { Range: "bytes=1000-1999" },
    });
    assert.equal(part.status, 206);
    const full = Buffer.from(await (await fetch(plain.url + path)).arrayBuffer());
    const got = Buffer.from(await part.arrayBuffer());
    assert.equal(Buffer.compare(got, full.subarray(1000, 2000)), 0);
    assert.equal(await whole(worker, path), digest(full), path);
    assert.equal(await whole(worker, path), digest(full), path);
  }
});
