// What the worker encrypts with WebCrypto, or in WebAssembly where that is quicker, the native
// server encrypts with the processor's instructions: byte for byte the same, whole and in parts.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { crawl } from "./crawl.mjs";
import { publishDemo, secret, serveNatively } from "./demo.mjs";
import { startOrigin } from "./origin.mjs";
import { build, startWorker } from "./worker.mjs";

let demo, native, worker, paths;

const forms = [
  "format=m3u8-cmaf,encryption=cbcs-aapl",
  "format=mpd-time-cmaf,encryption=cenc",
  "format=m3u8-cmaf,encryption=cbc",
  "format=m3u8-aapl,encryption=cbc",
  "format=m3u8-aapl-v3,encryption=cbc",
  "format=m3u8-aapl,encryption=cbcs-aapl",
  "format=m3u8-aapl-v3,encryption=cbcs-aapl",
];

/** Of transport streams with encrypted samples nobody knows the length before they are written. */
const isExact = (path) => !/=m3u8-aapl.*=cbcs.*\.ts$/.test(path);

before(async () => {
  build();
  demo = publishDemo();
  native = await serveNatively(demo);
  worker = await startWorker({ STORE: "origin", ORIGIN_URL: native.url, ORIGIN_SECRET: secret });
  const manifests =
    demo.encrypted.flatMap((path) => forms.map((form) => `${path}/manifest(${form})`));
  for (const path of [demo.longer, ...demo.large]) {
    manifests.push(`${path}/manifest(format=mpd-time-cmaf,encryption=cenc)`);
  }
  const found = await crawl(native.url, manifests);
  paths = found.filter((path) => /(Fragments|KeyFrames)\(/.test(path));
});

after(async () => {
  await worker?.close();
  native?.close();
  demo?.remove();
});

async function answer(server, path, range) {
  const headers = { "Accept-Encoding": "identity", ...(range && { Range: range }) };
  const response = await fetch(server + path, { headers });
  const bytes = Buffer.from(await response.arrayBuffer());
  const [etag, length] = ["etag", "content-length"].map((name) => response.headers.get(name));
  return { status: response.status, etag, length, bytes };
}

async function same(path, range) {
  const [want, have] = await Promise.all(
    [native, worker].map(({ url }) => answer(url, path, range)),
  );
  const place = `${path} ${range ?? ""}`;
  const told = ({ status, etag, length }) => ({ status, etag, length });
  assert.deepEqual(told(have), told(want), `${place}: ${have.bytes.subarray(0, 200)}`);
  assert.equal(Buffer.compare(have.bytes, want.bytes), 0, `${place}: bodies differ`);
  return have;
}

test("every segment", async () => {
  for (const form of ["cbcs-aapl", "cenc", "cbc"]) {
    const found = paths.filter((path) => path.includes(`=${form}`));
    assert.ok(found.length > 8, `${form}: ${found.length} of ${paths.length}`);
  }
  for (const path of paths) {
    const { status, length, bytes } = await same(path);
    assert.equal(status, 200, path);
    assert.equal(length, isExact(path) ? String(bytes.length) : null, path);
  }
});

test("a range of a segment is that part of it", async () => {
  for (const path of paths.filter((path, at) => at % 6 === 0 && /=\d+/.test(path))) {
    if (!isExact(path)) continue;
    const { bytes } = await answer(native.url, path);
    const size = bytes.length;
    const half = Math.floor(size / 2) + 3;
    for (const [first, last] of [[0, 0], [5, 20], [half, half + 999], [size - 20, size - 1]]) {
      if (last >= size) continue;
      const part = await same(path, `bytes=${first}-${last}`);
      assert.equal(part.status, 206, path);
      assert.equal(Buffer.compare(part.bytes, bytes.subarray(first, last + 1)), 0, path);
    }
  }
});

/** The store as a bucket, seen by the native server. */
const asBucket = (origin) => serveNatively({ ...demo, store: "s3://store" }, [], {
  env: {
    AWS_ENDPOINT: origin.url, AWS_ALLOW_HTTP: "true", AWS_REGION: "here",
    AWS_ACCESS_KEY_ID: "nobody", AWS_SECRET_ACCESS_KEY: "nothing",
  },
});

test("a segment begins to leave before its media has arrived", async () => {
  const origin = await startOrigin(demo.store);
  const bindings = { STORE: "origin", ORIGIN_URL: origin.url, ORIGIN_SECRET: secret };
  const servers = { worker: await startWorker(bindings), native: await asBucket(origin) };
  try {
    const schemes = ["m3u8-cmaf,encryption=cbcs", "mpd-time-cmaf,encryption=cenc"];
    for (const [at, form] of [...schemes, "m3u8-cmaf,encryption=cbc)"].entries()) {
      const isOne = (path) => /Fragments\(video=\d+/.test(path) && path.includes(form);
      // Each another one: what was read once is kept.
      const path = paths.filter(isOne)[at];
      const { bytes } = await answer(native.url, path);
      for (const [name, { url }] of Object.entries(servers)) {
        let goOn, held;
        const until = new Promise((resolve) => (goOn = resolve));
        origin.fault = (name) => (/\.(mp4|m4a)$/.test(name) ? (held = { until }) : undefined);
        const reader = (await fetch(url + path)).body.getReader();
        const first = await Promise.race([reader.read(), sleep(5000)]);
        assert.ok(first?.value?.length > 0, `${name}, ${path}: nothing, with half of it there`);
        assert.ok(held, `${name}, ${path}: nothing was held back`);
        goOn();
        const chunks = [first.value];
        for (let next; !(next = await reader.read()).done;) chunks.push(next.value);
        assert.equal(Buffer.compare(Buffer.concat(chunks), bytes), 0, `${name}, ${path}`);
      }
    }
  } finally {
    for (const server of Object.values(servers)) await server.close();
    origin.close();
  }
});
