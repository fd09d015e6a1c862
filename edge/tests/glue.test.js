// The glue in workerd, against an origin of many bad habits and a bucket.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Miniflare } from "miniflare";
import { FILE, startOrigin } from "./origin.js";

let miniflare, origin, url;

before(async () => {
  origin = await startOrigin();
  const module = (path, file) => ({
    type: "ESModule",
    path,
    contents: readFileSync(new URL(file, import.meta.url), "utf8"),
  });
  miniflare = new Miniflare({
    modules: [
      module("harness.js", "harness.js"),
      module("glue.js", "../src/glue.js"),
      module("cipher.js", "../src/cipher.js"),
    ],
    compatibilityDate: "2026-04-01",
    r2Buckets: ["MEDIA"],
    cf: false,
  });
  url = await miniflare.ready;
  const bucket = await miniflare.getR2Bucket("MEDIA");
  await bucket.put("file", new Uint8Array(FILE));
});

after(async () => {
  await miniflare?.dispose();
  origin?.stop();
});

const order = ({ signal, ...body }) =>
  fetch(url, {
    method: "POST",
    signal,
    headers: { "Accept-Encoding": "identity" }, // else Miniflare compresses and hides the length
    body: JSON.stringify({ patience: 2000, ...body }),
  });

const read = async (habit, start, end, more = {}) => {
  const address = more.r2 ? habit : `${origin.url}/${habit}/file?token=x`;
  return (await order({ read: { address, start, end }, ...more })).json();
};

const piece = (habit, start, end, more = {}) => ({
  address: `${origin.url}/${habit}/file?token=x`,
  start,
  end,
  size: FILE.length,
  ...more,
});

const lengthOf = (pieces) =>
  pieces.reduce((sum, { text, start, end, keep = [start, end] }) => {
    if (text !== undefined) return sum + text.length;
    for (let at = 0; at < keep.length; at += 2) sum += keep[at + 1] - keep[at];
    return sum;
  }, 0);

const stream = (pieces, more = {}) => order({ pieces, length: lengthOf(pieces), ...more });

const soon = (event, otherwise) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(otherwise)), 5000);
  });
  return Promise.race([event, late]).finally(() => clearTimeout(timer));
};

/** The bytes the pieces stand for, by the plainest way. */
const expected = (pieces) =>
  Buffer.concat(
    pieces.flatMap(({ text, start, end, keep = [start, end] }) => {
      if (text !== undefined) return [Buffer.from(text)];
      const parts = [];
      for (let at = 0; at < keep.length; at += 2) parts.push(FILE.subarray(keep[at], keep[at + 1]));
      return parts;
    }),
  );

async function arrives(pieces, more) {
  const response = await stream(pieces, more);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("Content-Length"), String(lengthOf(pieces)));
  const bytes = Buffer.from(await response.arrayBuffer());
  assert.ok(bytes.equals(expected(pieces)), "other bytes arrived");
}

async function breaksOff(pieces, more) {
  const response = await stream(pieces, more);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("Content-Length"), String(lengthOf(pieces)));
  await assert.rejects(response.arrayBuffer());
}

async function isRefused(pieces, kind, message, more) {
  const response = await stream(pieces, more);
  assert.equal(response.status, 502);
  assert.deepEqual(await response.json(), { kind, message });
}

test("a read gives the bytes, the size and the bare tag", async () => {
  const answer = await read("good", 10, 1_500_000);
  assert.deepEqual([answer.kind, answer.size, answer.etag], ["", FILE.length, "v1"]);
  assert.ok(Buffer.from(answer.bytes).equals(FILE.subarray(10, 1_500_000)));
});

test("a read takes a weak tag for its text", async () => {
  assert.equal((await read("weak", 0, 10)).etag, "v1");
});

test("a read past the end gives what there is", async () => {
  const answer = await read("good", FILE.length - 10, FILE.length + 10);
  assert.deepEqual([answer.kind, answer.bytes], ["", [...FILE.subarray(-10)]]);
});

test("a read that begins past the end gives no bytes and the size", async () => {
  const answer = await read("good", FILE.length + 1, FILE.length + 10);
  assert.deepEqual([answer.kind, answer.bytes, answer.size], ["", [], FILE.length]);
});

test("a read takes a range without Content-Length if it is whole", async () => {
  assert.deepEqual((await read("chunked", 0, 100)).bytes, [...FILE.subarray(0, 100)]);
});

for (const [habit, kind, message] of [
  ["ignorant", "failed", "the store ignored Range: it answered 200, not 206"],
  ["shifted", "failed", "the store answered another range than bytes 0-99"],
  ["rangeless", "failed", "the store answered another range than bytes 0-99"],
  ["sizeless", "failed", "the store answered another range than bytes 0-99"],
  ["contradictory", "failed", "the store's Content-Length and Content-Range disagree"],
  ["encoded", "failed", "the store encoded a range"],
  ["forbidding", "failed", "the store answered 403"],
  ["empty", "missing", "no such object"],
  ["broken", "failed", "the store answered 500"],
  ["moved", "failed", "the store answered 302"],
  ["reset", "failed", "the connection to the store was lost"],
  ["silent", "late", "the store did not answer in time"],
]) {
  test(`an origin that is ${habit} is refused by a read and before a body`, async () => {
    const answer = await read(habit, 0, 100, { patience: 300 });
    assert.deepEqual([answer.kind, answer.message, answer.bytes], [kind, message, []]);
    await isRefused([{ text: "head" }, piece(habit, 0, 100)], kind, message, { patience: 300 });
  });
}

test("an origin that cannot be reached is refused without its address", async () => {
  const answer = await order({
    read: { address: "http://127.0.0.1:1/x?token=y", start: 0, end: 9 },
  });
  const { kind, message } = await answer.json();
  assert.deepEqual([kind, message], ["failed", "the connection to the store was lost"]);
});

test("a read is late when the bytes stop coming", async () => {
  assert.equal((await read("stalling", 0, 100, { patience: 300 })).kind, "late");
});

test("a read of fewer bytes than promised fails", async () => {
  assert.equal(
    (await read("hanging_up", 0, 100_000)).message,
    "the connection to the store was lost",
  );
  assert.equal((await read("chunked_short", 0, 100)).message, "the store sent 50 of 100 bytes");
});

test("the body of an origin that ignored Range is not read", async () => {
  origin.requests.length = 0;
  await read("ignorant", 0, 100);
  await soon(origin.requests[0].closed, "the connection stays open");
});

test("given and stored bytes arrive in order", async () => {
  await arrives([
    { text: "styp" },
    piece("good", 100, 2_000_100),
    { text: "moof" },
    piece("good", 0, 7),
  ]);
});

test("a body of given bytes alone arrives", async () => {
  await arrives([{ text: "only this" }]);
});

test("a body of nothing arrives", async () => {
  await arrives([]);
});

test("gaps of a span are left out, wherever reads happen to end", async () => {
  const keep = [100, 300, 262_000, 262_500, 262_501, 600_000, 1_999_999, 2_000_000];
  await arrives([{ text: "moof" }, piece("good", 100, 2_000_100, { keep }), { text: "end" }]);
});

test("a hundred thousand small stretches arrive", async () => {
  const keep = [];
  for (let at = 3; at + 20 < 2_900_000; at += 29) keep.push(at, at + 1 + (at % 19));
  await arrives([piece("good", 0, 2_900_000, { keep })]);
});

test("a span is opened once, with the range it names", async () => {
  origin.requests.length = 0;
  await arrives([piece("good", 5, 50, { keep: [5, 9, 20, 50] })]);
  assert.deepEqual(
    origin.requests.map(({ range }) => range),
    ["bytes=5-49"],
  );
});

test("a range without Content-Length is counted", async () => {
  await arrives([
    piece("chunked", 0, 1_000_000),
    piece("chunked_long", 7, 1_000_007),
    { text: "end" },
  ]);
  await breaksOff([piece("chunked_short", 0, 1_000_000), piece("good", 0, 10)]);
});

test("an object of another size or tag is refused before the body", async () => {
  const changed = "a stored object is not the one that was indexed";
  await isRefused([piece("good", 0, 10, { size: FILE.length - 1 })], "changed", changed);
  await isRefused([piece("good", 0, 10, { etag: "v2" })], "changed", changed);
  await arrives([piece("good", 0, 10, { etag: "v1" })]);
});

test("a second object that is wrong is refused before the body", async () => {
  const pieces = [piece("good", 0, 10, { object: "a" }), piece("empty", 0, 10, { object: "b" })];
  await isRefused(pieces, "missing", "no such object");
});

test("a transfer that breaks off at the store breaks off at the client", async () => {
  await breaksOff([piece("hanging_up", 0, 1_000_000), { text: "end" }]);
  await breaksOff([piece("hanging_up", 0, 1_000_000, { keep: [0, 10, 20, 1_000_000] })]);
  await breaksOff([piece("late_reset", 0, 100_000), piece("late_reset", 200_000, 300_000)]);
});

/** Bytes of the second input come back inverted, so that it is seen which are whose. */
const exchange = (inputs, more = {}) =>
  order({ inputs, length: inputs.reduce((sum, pieces) => sum + lengthOf(pieces), 0), ...more });

test("an exchange reads each input's stretches in their order, by turns", async () => {
  const keep = [100, 300, 1_000, 60_000, 60_001, 200_000];
  const inputs = [
    [piece("good", 100, 200_100, { keep }), piece("good", 7, 9)],
    [piece("good", 500_000, 600_000)],
  ];
  const response = await exchange(inputs);
  assert.equal(response.status, 200);
  const bytes = Buffer.from(await response.arrayBuffer());
  // Each piece fits one read: the first of both, then the other.
  const inverted = expected(inputs[1]).map((byte) => byte ^ 0xff);
  const first = expected(inputs[0].slice(0, 1));
  assert.ok(bytes.equals(Buffer.concat([first, inverted, expected(inputs[0].slice(1))])));
});

test("an exchange over a megabyte arrives whole, from an origin or a bucket", async () => {
  for (const [address, more] of [[undefined, {}], ["file", { r2: true }]]) {
    const from = address === undefined ? {} : { address };
    const pieces = [piece("good", 5, 1_500_005, from)];
    const response = await exchange([pieces], more);
    const bytes = Buffer.from(await response.arrayBuffer());
    assert.ok(bytes.equals(expected(pieces)), "other bytes arrived");
  }
});

test("an exchange with an object that is wrong is refused, and closes the others", async () => {
  origin.requests.length = 0;
  const good = piece("good", 0, 2_000_000);
  for (const [wrong, kind, message] of [
    [piece("empty", 0, 10), "missing", "no such object"],
    [
      piece("good", 0, 10, { size: 5 }),
      "changed",
      "a stored object is not the one that was indexed",
    ],
  ]) {
    const response = await exchange([[good], [wrong]]);
    assert.equal(response.status, 502);
    assert.deepEqual(await response.json(), { kind, message });
  }
  const open = origin.requests.filter(({ range }) => range === "bytes=0-1999999");
  await Promise.all(open.map(({ closed }) => soon(closed, "a connection stayed open")));
});

test("an exchange whose store breaks off breaks off at the client", async () => {
  const response = await exchange([[piece("hanging_up", 0, 1_000_000)], [piece("good", 0, 10)]]);
  assert.equal(response.status, 200);
  await assert.rejects(response.arrayBuffer());
});

test("a client that goes away closes the connections to the store", async () => {
  for (const keep of [undefined, [0, 10, 20, 2_000_000]]) {
    origin.requests.length = 0;
    const going = new AbortController();
    const pieces = [piece("dripping", 0, 2_000_000, { keep })];
    const response = await stream(pieces, { signal: going.signal });
    await response.body.getReader().read();
    going.abort();
    await soon(origin.requests[0].closed, "the connection stays open");
  }
});

test("what one client takes is kept for the next, and what he leaves is not", async () => {
  const kept = (name) => ({ kept: `https://cache.selvedge.invalid/1/${name}` });
  for (const keep of [undefined, [10, 1_000_000, 1_000_500, FILE.length]]) {
    const one = [piece("good", 0, FILE.length, { keep, ...kept(`whole-${keep}`) })];
    await arrives(one);
    origin.requests.length = 0;
    await arrives(one);
    assert.equal(origin.requests.length, 0, "the store is asked once more");
  }
  const left = (habit) => [piece(habit, 0, 600_000, kept("left"))];
  const going = new AbortController();
  // It comes so slowly that he leaves before the end, however busy the machine.
  const response = await stream(left("dripping"), { signal: going.signal });
  await response.body.getReader().read();
  going.abort();
  origin.requests.length = 0;
  await arrives(left("good"));
  assert.equal(origin.requests.length, 1);
});

test("a bucket serves reads and bodies alike", async () => {
  const answer = await read("file", FILE.length - 10, FILE.length + 10, { r2: true });
  assert.deepEqual([answer.kind, answer.bytes], ["", [...FILE.subarray(-10)]]);
  const { etag } = answer;
  assert.match(etag, /^[0-9a-f]{32}$/);
  const stored = (start, end, more) => ({ ...piece("", start, end, more), address: "file" });
  const pieces = [
    { text: "moof" },
    stored(3, 1_000_000, { etag }),
    stored(7, 500_000, { etag, keep: [7, 8, 100, 400_000, 400_001, 400_002] }),
  ];
  await arrives(pieces, { r2: true });
});

test("a bucket's read that begins past the end gives no bytes and the size", async () => {
  const answer = await read("file", FILE.length, FILE.length + 10, { r2: true });
  assert.deepEqual([answer.kind, answer.bytes, answer.size], ["", [], FILE.length]);
});

test("a bucket without the object, or with another, refuses", async () => {
  assert.equal((await read("nothing", 0, 10, { r2: true })).kind, "missing");
  const other = { ...piece("", 0, 10, { etag: "0" }), address: "file" };
  const changed = "a stored object is not the one that was indexed";
  await isRefused([other], "changed", changed, { r2: true });
});

test("an object of a bucket is written once", async () => {
  const response = await order({ write: "assets/a/a.ism.index", r2: true });
  assert.equal(await response.text(), "first");
});

test("the data centre's cache gives back what it was given, and nothing else", async () => {
  const kept = await (await order({ keep: "https://cache.selvedge.invalid/1/x/y%23z" })).json();
  const expected = { bytes: [1, 2, 3], size: 7, etag: '"é"', modified: 5, nothing: true };
  assert.deepEqual(kept, expected);
});
