// Bodies encrypted by WebCrypto.  In: a plan of core's, and the clear body in chunks.  Out: the
// encrypted body, in chunks; the same bytes as core's own `Encrypter`.
//
// A call costs microseconds however little it encrypts, so what one call can do is gathered first:
// under CTR all a sample's protected bytes in a chunk, under CBC all encrypted blocks of a chain.
// What lies in one piece is neither gathered nor copied.

const BLOCK = 16;

/** Bytes before a chunk that leave room for what was held of the one before it. */
export const HEADROOM = BLOCK;

/** A body being encrypted. */
export class Encrypter {
  #key;
  #ctr;
  #crypt;
  #skip;
  #padded;
  #window;
  #runs = [];
  #run = 0; // the first that is not behind us
  #at = 0; // bytes of the clear body behind us
  #held = new Uint8Array(); // part of a block that will be encrypted

  /** `vectors`: 16 bytes a run; `ranges`: of each run bytes used, number, start, end, start, … */
  constructor(key, ctr, crypt, skip, padded, window, vectors, ranges) {
    const name = ctr ? "AES-CTR" : "AES-CBC";
    this.#key = crypto.subtle.importKey("raw", key, name, false, ["encrypt"]);
    [this.#ctr, this.#crypt, this.#skip, this.#padded] = [ctr, crypt, skip, padded];
    this.#window = plain(window);
    const flat = plain(ranges);
    for (let at = 0; at < flat.length; ) {
      const [used, end] = [flat[at], at + 2 + 2 * flat[at + 1]];
      const iv = vectors.subarray(this.#runs.length * BLOCK, (this.#runs.length + 1) * BLOCK);
      this.#runs.push({ iv, used, ranges: flat.subarray(at + 2, end) });
      at = end;
    }
  }

  /**
   * What is ready of the encrypted body after these bytes. It may be written over them, and over
   * the [`HEADROOM`] before them, if they begin that far into their buffer.
   */
  async update(chunk) {
    const body = this.#joined(chunk);
    const ready = this.#ready(body.length);
    this.#held = body.slice(ready);
    return this.#wanted(await this.#encrypt(body.subarray(0, ready)));
  }

  /** The rest. */
  async finish() {
    const rest = this.#held;
    if (!this.#padded) return this.#wanted(rest);
    const { iv } = this.#runs[this.#runs.length - 1];
    return this.#wanted(await chained(iv, rest, await this.#key));
  }

  /** A chunk behind what is held. */
  #joined(chunk) {
    const held = this.#held.length;
    if (held === 0) return chunk;
    const { buffer, byteOffset, length } = chunk;
    const roomy = byteOffset >= HEADROOM;
    const body = roomy
      ? new Uint8Array(buffer, byteOffset - held, held + length)
      : new Uint8Array(held + length);
    body.set(this.#held);
    if (!roomy) body.set(chunk, held);
    return body;
  }

  /** How many of `length` bytes are whole blocks, where they are to be encrypted. */
  #ready(length) {
    if (this.#ctr) return length;
    const end = this.#at + length;
    let run = this.#run;
    while (run < this.#runs.length && this.#runs[run].ranges[1] < end) run += 1;
    if (run === this.#runs.length || this.#runs[run].ranges[0] >= end) return length;
    const start = this.#runs[run].ranges[0];
    const stop = this.#runs[run].ranges[1];
    const block = Math.floor((end - start) / BLOCK);
    const from = start + block * BLOCK;
    const whole = from + BLOCK <= stop || this.#padded;
    return whole && this.#encrypts(block) ? Math.max(0, from - this.#at) : length;
  }

  #encrypts(block) {
    return this.#skip === 0 || block % (this.#crypt + this.#skip) < this.#crypt;
  }

  async #encrypt(body) {
    const end = this.#at + body.length;
    const key = await this.#key;
    if (this.#padded) return this.#whole(body, key);
    const calls = [];
    for (let run; (run = this.#runs[this.#run]) !== undefined; this.#run += 1) {
      if (run.ranges[0] >= end) break;
      const parts = this.#parts(run, body);
      if (parts.length > 0) calls.push(this.#call(run, body, parts, key));
      if (run.ranges[run.ranges.length - 1] > end) break;
    }
    // All of them are under way; waiting for one after another costs the least.
    for (const { run, parts, lead, length, sealing } of calls) {
      const sealed = new Uint8Array(await sealing, lead, length);
      scatter(sealed, body, parts);
      if (run === this.#runs[this.#run]) run.iv = this.#ctr ? run.iv : sealed.slice(-BLOCK);
    }
    return body;
  }

  /** A body that is one chain. */
  async #whole(body, key) {
    if (body.length === 0) return body;
    const [run] = this.#runs;
    const sealed = (await chained(run.iv, body, key)).subarray(0, body.length);
    run.iv = sealed.slice(-BLOCK);
    return sealed;
  }

  /** What of `body` is encrypted in `run`, as start, end, start, …: whole blocks, under CBC. */
  #parts({ ranges }, body) {
    const at = this.#at;
    const end = at + body.length;
    const parts = [];
    for (let n = 0; n < ranges.length && ranges[n] < end; n += 2) {
      const start = Math.max(ranges[n], at);
      // Within a chunk numbers are small, and small ones are what loops run on quickly.
      const from = (start - at) | 0;
      const to = (Math.min(ranges[n + 1], end) - at) | 0;
      if (from >= to) continue;
      if (this.#ctr) parts.push(from, to);
      else this.#blocks(from, to, start - ranges[n], parts);
    }
    return parts;
  }

  /** Adds the encrypted blocks between `from` and `to`, which is so far into a chain. */
  #blocks(from, to, into, parts) {
    const first = from + ((BLOCK - (into % BLOCK)) % BLOCK);
    const last = to - ((into + to - from) % BLOCK);
    if (this.#skip === 0) {
      if (first < last) parts.push(first, last);
      return;
    }
    const crypt = this.#crypt * BLOCK;
    const pattern = crypt + this.#skip * BLOCK;
    for (let place = from - (into % pattern); place < last; place += pattern) {
      const a = Math.max(place, first);
      const b = Math.min(place + crypt, last);
      if (a < b) parts.push(a, b);
    }
  }

  /** Encrypts one stretch of keystream, wherever in a block it begins, or of a chain. */
  #call(run, body, parts, key) {
    const lead = this.#ctr ? run.used % BLOCK : 0;
    const bytes = gathered(body, parts, lead);
    const length = bytes.length - lead;
    const algorithm = this.#ctr
      ? { name: "AES-CTR", counter: added(run.iv, Math.floor(run.used / BLOCK)), length: 128 }
      : { name: "AES-CBC", iv: run.iv };
    run.used += length;
    return { run, parts, lead, length, sealing: crypto.subtle.encrypt(algorithm, key, bytes) };
  }

  /** What of `body` goes out; goes on behind it. */
  #wanted(body) {
    const [first, last] = this.#window;
    const start = this.#at;
    this.#at += body.length;
    const within = (place) => Math.min(Math.max(place, start), this.#at) - start;
    return body.subarray(within(first), within(last));
  }
}

/** `bytes` as a chain, with padding. */
async function chained(iv, bytes, key) {
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CBC", iv }, key, bytes));
}

/** A part as long as this is worth a call that copies it. */
const LONG = 128;

/** The `parts` of `body` one after another, behind `lead` bytes; a single part as it is. */
function gathered(body, parts, lead) {
  if (lead === 0 && parts.length === 2) return body.subarray(parts[0], parts[1]);
  let length = lead;
  for (let n = 0; n < parts.length; n += 2) length += parts[n + 1] - parts[n];
  const bytes = new Uint8Array(length);
  const [from, to] = [viewOf(body), viewOf(bytes)];
  let at = lead;
  for (let n = 0; n < parts.length; n += 2) {
    const start = parts[n];
    const end = parts[n + 1];
    if (end - start >= LONG) bytes.set(body.subarray(start, end), at);
    else copy(from, start, end, to, at);
    at += end - start;
  }
  return bytes;
}

/** Puts `bytes` where the `parts` of `body` are. */
function scatter(bytes, body, parts) {
  const [from, to] = [viewOf(bytes), viewOf(body)];
  let at = 0;
  for (let n = 0; n < parts.length; n += 2) {
    const start = parts[n];
    const length = parts[n + 1] - start;
    if (length >= LONG) body.set(bytes.subarray(at, at + length), start);
    else copy(from, at, at + length, to, start);
    at += length;
  }
}

const viewOf = ({ buffer, byteOffset, length }) => new DataView(buffer, byteOffset, length);

/** Copies `[start, end)` of a view to `at` of another, word by word. */
function copy(from, start, end, to, at) {
  let place = start;
  let there = at;
  for (; place + 4 <= end; place += 4, there += 4) to.setInt32(there, from.getInt32(place));
  for (; place < end; place += 1, there += 1) to.setUint8(there, from.getUint8(place));
}

/** A counter block, so many blocks on. */
function added(block, count) {
  if (count === 0) return block;
  const sum = block.slice();
  for (let at = BLOCK - 1, carry = count; at >= 0 && carry > 0; at -= 1) {
    carry += sum[at];
    sum[at] = carry % 256;
    carry = Math.floor(carry / 256);
  }
  return sum;
}

/** Numbers of 64 bits, none of which exceeds 2^53, as JavaScript's own. */
export function plain(numbers) {
  const halves = new Uint32Array(numbers.buffer, numbers.byteOffset, 2 * numbers.length);
  // WebAssembly wrote them: the lower half comes first.
  const plain = new Float64Array(numbers.length);
  for (let n = 0; n < plain.length; n += 1) plain[n] = halves[2 * n + 1] * 2 ** 32 + halves[2 * n];
  return plain;
}
