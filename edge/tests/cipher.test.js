// What the glue makes of a plan, against node's own ciphers.

import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Encrypter, HEADROOM } from "../src/cipher.js";

const key = new Uint8Array(16).fill(3);
const iv = new Uint8Array(16).fill(9);
const body = Uint8Array.from({ length: 645 }, (_, at) => (at * 7) % 251);
const numbers = (list) => BigUint64Array.from(list.map(BigInt));

/** Encrypts `clear`, which comes in pieces of `piece` bytes. */
async function encrypted(plan, clear, piece) {
  const { ctr = false, skip = 0, padded = false, window = [0, 1e6], ranges } = plan;
  const [secret, start] = [plan.key ?? key, plan.iv ?? iv];
  const encrypter =
    new Encrypter(secret, ctr, skip, padded, numbers(window), start, numbers(ranges));
  const out = [];
  for (let at = 0; at < clear.length; at += piece) {
    const chunk = new Uint8Array(HEADROOM + piece).subarray(at % 3 === 0 ? 0 : HEADROOM);
    const part = clear.subarray(at, at + piece);
    chunk.set(part);
    out.push(Buffer.from(await encrypter.update(chunk.subarray(0, part.length))));
  }
  return Buffer.concat([...out, await encrypter.finish()]);
}

async function check(plan, clear, want, pieces = [1, 7, 16, 33, 150, 700]) {
  for (const piece of pieces) {
    const have = await encrypted(plan, clear, piece);
    assert.equal(Buffer.compare(have, want), 0, `by ${piece}`);
    const window = [3, Math.max(3, want.length - 5)];
    const part = await encrypted({ ...plan, window }, clear, piece);
    assert.equal(Buffer.compare(part, want.subarray(...window)), 0, `part, by ${piece}`);
  }
}

test("whole bodies are chained and padded", async () => {
  for (const length of [0, 1, 15, 16, 17, 100, 160]) {
    const clear = body.slice(0, length);
    const cipher = createCipheriv("aes-128-cbc", key, iv);
    const want = Buffer.concat([cipher.update(clear), cipher.final()]);
    await check({ padded: true, ranges: [0, 1, 0, length] }, clear, want);
  }
});

test("large ranges have keystreams of their own, whatever is clear before them", async () => {
  const runs = [
    [5, 100, 90_000], [0, 90_050, 160_000], [0, 165_000, 240_000], [0, 240_003, 299_000],
  ];
  const vectors = runs.map((_, at) => new Uint8Array(16).fill(at, 0, 8));
  const want = Buffer.from(large);
  runs.forEach(([used, from, to], at) =>
    streamed(large, used, [from, to], vectors[at]).copy(want, from, from, to));
  const plan = { ctr: true, iv: new Uint8Array(Buffer.concat(vectors)) };
  plan.ranges = runs.flatMap(([used, from, to]) => [used, 1, from, to]);
  await check(plan, large, want, [700, 70_001, 150_000, 300_000]);
});

/** A keystream over `ranges` of `clear`, of which `used` bytes are used already. */
function streamed(clear, used, ranges, vector = iv) {
  const cipher = createCipheriv("aes-128-ctr", key, vector);
  cipher.update(new Uint8Array(used));
  const want = Buffer.from(clear);
  for (let at = 0; at < ranges.length; at += 2) {
    cipher.update(clear.slice(ranges[at], ranges[at + 1])).copy(want, ranges[at]);
    used += ranges[at + 1] - ranges[at];
    const over = -used & 15; // the next range begins a block
    cipher.update(new Uint8Array(over));
    used += over;
  }
  return want;
}

test("keystreams go on from range to range by blocks, from wherever they were", async () => {
  const ranges = [10, 42, 50, 53, 60, 61, 100, 600];
  for (const used of [0, 5, 16, 4100]) {
    const want = streamed(body, used, ranges);
    await check({ ctr: true, ranges: [used, 4, ...ranges] }, body, want);
  }
});

const large = Uint8Array.from({ length: 300_000 }, (_, at) => (at * 7) % 251);

test("large ranges and small ones share a keystream", async () => {
  const clear = large;
  const ranges = [9, 20, 30, 1030, 1033, 1050, 1100, 90_000, 90_001, 90_002, 90_010, 299_000];
  const want = streamed(clear, 5, ranges);
  await check({ ctr: true, ranges: [5, 6, ...ranges] }, clear, want, [700, 70_001, 300_000]);
});

test("one block in ten is encrypted, and less than a block never", async () => {
  const cipher = createCipheriv("aes-128-cbc", key, iv);
  const want = Buffer.from(body);
  for (let at = 5; at + 16 <= 635; at += 160) cipher.update(body.slice(at, at + 16)).copy(want, at);
  await check({ skip: 9, ranges: [0, 1, 5, 635] }, body, want);
});

test("published vectors hold", async () => {
  const file = new URL("../../tests/vectors/sp800-38a.txt", import.meta.url);
  const lines = readFileSync(file, "utf8").split("\n").filter((line) => /^(ctr|cbc) /.test(line));
  assert.equal(lines.length, 2);
  for (const line of lines) {
    const [mode, ...rest] = line.split(" ");
    const [key, iv, clear, hidden] = rest.map((hex) => Uint8Array.from(Buffer.from(hex, "hex")));
    const ranges = [0, 1, 0, clear.length];
    await check({ ctr: mode === "ctr", key, iv, ranges }, clear, Buffer.from(hidden));
  }
});
