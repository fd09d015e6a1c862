// Bodies encrypted by WebCrypto.  In: a plan of core's, and the clear body in chunks.  Out: the
// encrypted body, in chunks; the same bytes as core's own `Encrypter`.
//
// A call costs microseconds however little it encrypts, so what one call can do is gathered first:
// under CTR all a sample's protected bytes in a chunk, under CBC all encrypted blocks of a chain.

const BLOCK = 16;

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
    this.#window = Array.from(window, Number);
    const flat = Array.from(ranges, Number);
    for (let at = 0; at < flat.length; ) {
      const [used, count] = flat.slice(at, at + 2);
      at += 2;
      const iv = vectors.slice(this.#runs.length * BLOCK, (this.#runs.length + 1) * BLOCK);
      this.#runs.push({ iv, used, ranges: flat.slice(at, at + 2 * count) });
      at += 2 * count;
    }
  }

  /** What is ready of the encrypted body after these bytes, which it may be written over. */
  async update(chunk) {
    let body = chunk;
    if (this.#held.length > 0) {
      body = new Uint8Array(this.#held.length + chunk.length);
      body.set(this.#held);
      body.set(chunk, this.#held.length);
    }
    const ready = this.#ready(body.length);
    this.#held = body.slice(ready);
    return this.#wanted(await this.#encrypt(body.subarray(0, ready)));
  }

  /** The rest. */
  async finish() {
    const rest = this.#held;
    if (!this.#padded) return this.#wanted(rest);
    const { iv } = this.#runs[this.#runs.length - 1];
    return this.#wanted(new Uint8Array(await this.#cbc(iv, rest))); // it pads by itself
  }

  /** How many of `length` bytes are whole blocks, where they are to be encrypted. */
  #ready(length) {
    const end = this.#at + length;
    if (this.#ctr) return length;
    const runs = this.#runs.slice(this.#run);
    const open = runs.find(({ ranges: [start, stop] }) => stop >= end || start >= end);
    const [start, stop] = open?.ranges ?? [end, end];
    if (start >= end) return length;
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
    const calls = [];
    for (let run; (run = this.#runs[this.#run]) !== undefined; this.#run += 1) {
      if (run.ranges[0] >= end) break;
      const parts = this.#parts(run, body);
      const call = this.#ctr ? this.#stream : this.#chain;
      if (parts.length > 0) calls.push(call.call(this, run, body, parts));
      if (run.ranges[run.ranges.length - 1] > end || this.#padded) break;
    }
    await Promise.all(calls);
    return body;
  }

  /** What of `body` is encrypted in `run`, as start, end, start, …: whole blocks, under CBC. */
  #parts({ ranges }, body) {
    const [at, end, parts] = [this.#at, this.#at + body.length, []];
    for (let n = 0; n < ranges.length && ranges[n] < end; n += 2) {
      const [start, stop] = [ranges[n], Math.min(ranges[n + 1], end)];
      const from = Math.max(start, at);
      if (from >= stop) continue;
      if (this.#ctr) parts.push(from - at, stop - at);
      else this.#blocks(start, from, stop, parts);
    }
    return parts;
  }

  /** Adds the encrypted blocks between `from` and `stop` of a chain that begins at `start`. */
  #blocks(start, from, stop, parts) {
    const last = start + Math.floor((stop - start) / BLOCK) * BLOCK;
    const first = start + Math.ceil((from - start) / BLOCK) * BLOCK;
    if (this.#skip === 0) {
      if (first < last) parts.push(first - this.#at, last - this.#at);
      return;
    }
    const [crypt, pattern] = [this.#crypt * BLOCK, (this.#crypt + this.#skip) * BLOCK];
    let place = start + Math.floor((first - start) / pattern) * pattern;
    for (; place < last; place += pattern) {
      const [a, b] = [Math.max(place, first), Math.min(place + crypt, last)];
      if (a < b) parts.push(a - this.#at, b - this.#at);
    }
  }

  /** One stretch of keystream, wherever in a block it begins. */
  async #stream(run, body, parts) {
    const lead = run.used % BLOCK;
    const counter = added(run.iv, Math.floor(run.used / BLOCK));
    const bytes = gathered(body, parts, lead);
    run.used += bytes.length - lead;
    const algorithm = { name: "AES-CTR", counter, length: 128 };
    const sealed = await crypto.subtle.encrypt(algorithm, await this.#key, bytes);
    scatter(new Uint8Array(sealed, lead), body, parts);
  }

  /** One stretch of a chain, which goes on from its last block. */
  async #chain(run, body, parts) {
    const bytes = gathered(body, parts, 0);
    const sealed = new Uint8Array(await this.#cbc(run.iv, bytes), 0, bytes.length);
    run.iv = sealed.slice(-BLOCK);
    scatter(sealed, body, parts);
  }

  async #cbc(iv, bytes) {
    return crypto.subtle.encrypt({ name: "AES-CBC", iv }, await this.#key, bytes);
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

/** A part as long as this is worth a call that copies it. */
const LONG = 64;

/** The `parts` of `body` one after another, behind `lead` bytes; a single part as it is. */
function gathered(body, parts, lead) {
  if (lead === 0 && parts.length === 2) return body.subarray(parts[0], parts[1]);
  let length = lead;
  for (let n = 0; n < parts.length; n += 2) length += parts[n + 1] - parts[n];
  const bytes = new Uint8Array(length);
  let at = lead;
  for (let n = 0; n < parts.length; n += 2) {
    const [from, to] = [parts[n], parts[n + 1]];
    if (to - from >= LONG) bytes.set(body.subarray(from, to), at);
    else for (let place = from; place < to; place += 1) bytes[at + place - from] = body[place];
    at += to - from;
  }
  return bytes;
}

/** Puts `bytes` where the `parts` of `body` are. */
function scatter(bytes, body, parts) {
  let at = 0;
  for (let n = 0; n < parts.length; n += 2) {
    const [from, to] = [parts[n], parts[n + 1]];
    if (to - from >= LONG) body.set(bytes.subarray(at, at + to - from), from);
    else for (let place = from; place < to; place += 1) body[place] = bytes[at + place - from];
    at += to - from;
  }
}

/** A counter block, so many blocks on. */
function added(block, count) {
  const sum = block.slice();
  for (let at = BLOCK - 1, carry = count; at >= 0 && carry > 0; at -= 1) {
    carry += sum[at];
    sum[at] = carry % 256;
    carry = Math.floor(carry / 256);
  }
  return sum;
}
