// Bodies encrypted by WebCrypto.  In: a plan of core's, and the clear body in chunks.  Out: the
// encrypted body, in chunks; the same bytes as core's own `Encrypter`.
//
// A call costs microseconds however little it encrypts, so what one call can do is gathered first:
// under CTR what of a keystream's ranges lies in a chunk, under CBC a chain's encrypted blocks.
// What lies in one piece is neither gathered nor copied. All calls for a chunk are under way before
// the first is waited for.

const BLOCK = 16;
const LARGE = 64 * 1024; // copying so much costs more than a call

/** Bytes before a chunk that leave room for what was held of the one before it. */
export const HEADROOM = BLOCK;

/** A body being encrypted. */
export class Encrypter {
  #key;
  #ctr;
  #stride; // from one encrypted block of a chain to the next, bytes
  #padded;
  #window;
  #vectors;
  #runs; // of each bytes used, number of ranges, start, end, start, …
  #place = 0; // where in `#runs` the first stands that is not behind us
  #number = 0; // which one that is
  #used; // bytes of its keystream behind us, once some are
  #chain; // the last block of its chain behind us
  #at = 0; // bytes of the clear body behind us
  #held = new Uint8Array(); // part of a block that will be encrypted

  /** `vectors`: 16 bytes a run; `ranges`: of each run bytes used, number, start, end, start, … */
  constructor(key, ctr, skip, padded, window, vectors, ranges) {
    const name = ctr ? "AES-CTR" : "AES-CBC";
    this.#key = crypto.subtle.importKey("raw", key, name, false, ["encrypt"]);
    [this.#ctr, this.#padded, this.#vectors] = [ctr, padded, vectors];
    this.#stride = (1 + skip) * BLOCK;
    this.#window = plain(window);
    this.#runs = plain(ranges);
  }

  /**
   * What is ready of the encrypted body after these bytes. It may be written over them, and over
   * the [`HEADROOM`] before them, if they begin that far into their buffer.
   */
  async update(chunk) {
    const body = this.#joined(chunk);
    const ready = this.#ready(body.length);
    this.#held = body.slice(ready);
    const key = await this.#key;
    const clear = body.subarray(0, ready);
    return this.#wanted(await (this.#padded ? this.#whole(clear, key) : this.#encrypt(clear, key)));
  }

  /** The rest. */
  async finish() {
    const rest = this.#held;
    if (!this.#padded) return this.#wanted(rest);
    return this.#wanted(await chained(this.#vector(), rest, await this.#key));
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
    const runs = this.#runs;
    const end = this.#at + length;
    let place = this.#place;
    while (place < runs.length && runs[place + 3] < end) place += 4; // chains have a range each
    if (place === runs.length || runs[place + 2] >= end) return length;
    const [start, stop] = runs.subarray(place + 2, place + 4);
    const block = Math.floor((end - start) / BLOCK) * BLOCK;
    const from = start + block;
    const whole = from + BLOCK <= stop || this.#padded;
    return whole && block % this.#stride === 0 ? Math.max(0, from - this.#at) : length;
  }

  /** A body that is one chain. */
  async #whole(body, key) {
    if (body.length === 0) return body;
    const sealed = (await chained(this.#vector(), body, key)).subarray(0, body.length);
    this.#chain = sealed.slice(-BLOCK);
    return sealed;
  }

  async #encrypt(body, key) {
    const runs = this.#runs;
    const end = this.#at + body.length;
    const view = this.#ctr ? undefined : viewOf(body);
    const calls = [];
    while (this.#place < runs.length && runs[this.#place + 2] < end) {
      const last = this.#place + 2 + 2 * runs[this.#place + 1];
      if (this.#ctr) this.#stream(body, last, key, calls);
      else this.#links(body, view, last, key, calls);
      if (runs[last - 1] > end) break; // the rest of it comes with the next chunk
      [this.#place, this.#number] = [last, this.#number + 1];
      [this.#used, this.#chain] = [undefined, undefined];
    }
    // Waiting for one after another costs the least.
    for (const call of calls) {
      const sealed = await call.sealing;
      if (this.#ctr) spread(sealed, call, body);
      else this.#unlink(sealed, call, body, view);
      sealed.transfer?.(0); // else garbage of as many bytes calls for its collection
    }
    return body;
  }

  /** Encrypts what of `body` is the next stretch of a run's keystream. */
  #stream(body, last, key, calls) {
    const runs = this.#runs;
    const end = this.#at + body.length;
    let used = this.#used ?? runs[this.#place];
    let parts = []; // from, to, and where in the keystream
    for (let n = this.#place + 2; n < last && runs[n] < end; n += 2) {
      const from = Math.max(runs[n] - this.#at, 0);
      const to = Math.min(runs[n + 1], end) - this.#at;
      if (from >= to) continue;
      if (to - from < LARGE) {
        parts.push(from, to, used);
      } else {
        this.#pour(body, parts, key, calls);
        this.#pour(body, [from, to, used], key, calls);
        parts = [];
      }
      used += to - from;
      if (runs[n + 1] <= end) used = Math.ceil(used / BLOCK) * BLOCK; // where the next begins
    }
    this.#pour(body, parts, key, calls);
    this.#used = used;
  }

  /** Encrypts `parts` of `body` by one call. */
  #pour(body, parts, key, calls) {
    if (parts.length === 0) return;
    const lead = parts[2] % BLOCK; // that much of the first block's keystream is behind us
    const start = parts[2] - lead;
    const counter = added(this.#vector(), start / BLOCK);
    const bytes = parts.length > 3 ? this.#gathered(body, parts, start) : behind(body, parts, lead);
    const sealing = crypto.subtle.encrypt({ name: "AES-CTR", counter, length: 128 }, key, bytes);
    calls.push({ sealing, parts, start });
  }

  /** The `parts` of `body` at their places behind `start`; what is between has no meaning. */
  #gathered(body, parts, start) {
    const [from, to, at] = parts.slice(-3);
    const bytes = room(at - start + to - from);
    for (let n = 0; n < parts.length; n += 3) {
      bytes.set(body.subarray(parts[n], parts[n + 1]), parts[n + 2] - start);
    }
    return bytes.subarray(0, at - start + to - from);
  }

  /** Encrypts what of `body`, which `view` shows, are the next blocks of a chain. */
  #links(body, view, last, key, calls) {
    const { into, from, to } = this.#stretch(body, last);
    const over = into % this.#stride;
    const start = (over === 0 ? from : from + this.#stride - over) | 0;
    const stop = (to - ((into + to - from) % BLOCK)) | 0;
    if (start >= stop) return;
    const iv = this.#vector();
    const isDense = this.#stride === BLOCK;
    const bytes = isDense ? body.subarray(start, stop) : this.#picked(view, start, stop);
    const sealing = crypto.subtle.encrypt({ name: "AES-CBC", iv }, key, bytes);
    calls.push({ sealing, start, stop, length: bytes.length, number: this.#number });
  }

  /** How far into its chain `body` goes on with it, and where in `body` that is. */
  #stretch(body, last) {
    const [start, end] = this.#runs.subarray(last - 2, last);
    // Within a chunk numbers are small, and small ones are what loops run on quickly.
    const from = Math.max(start - this.#at, 0) | 0;
    const to = Math.min(end - this.#at, body.length) | 0;
    return { into: this.#at + from - start, from, to };
  }

  /** The blocks to encrypt between `start`, where one is, and `stop`. */
  #picked(view, start, stop) {
    const stride = this.#stride; // a loop that does no more than this one is quick
    const blocks = room(stop - start);
    const to = viewOf(blocks);
    let at = 0;
    for (let block = start; block < stop; block += stride, at += BLOCK) {
      copyBlock(view, block, to, at);
    }
    return blocks.subarray(0, at);
  }

  /** Puts encrypted blocks where they were taken from. */
  #unlink(sealed, { start, stop, length, number }, body, view) {
    if (number === this.#number) this.#chain = new Uint8Array(sealed.slice(length - BLOCK, length));
    const stride = this.#stride;
    if (stride === BLOCK) return body.set(new Uint8Array(sealed, 0, length), start);
    const from = new DataView(sealed);
    let at = 0;
    for (let block = start; block < stop; block += stride, at += BLOCK) {
      copyBlock(from, at, view, block);
    }
  }

  /** The vector of the run under way, or what its chain goes on with. */
  #vector() {
    const first = this.#number * BLOCK;
    return this.#chain ?? this.#vectors.subarray(first, first + BLOCK);
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

/** Where bytes are gathered, for all bodies: a call has its own copy before it returns. */
let scratch = new Uint8Array();

/** So many bytes of it, or more. */
function room(length) {
  if (scratch.length < length) scratch = new Uint8Array(length);
  return scratch;
}

/** `bytes` as a chain, with padding. */
async function chained(iv, bytes, key) {
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CBC", iv }, key, bytes));
}

/** The one part of `body`, with the `lead` bytes before it, whatever they are. */
function behind(body, [from, to], lead) {
  const { buffer, byteOffset } = body;
  if (byteOffset + from >= lead) {
    return new Uint8Array(buffer, byteOffset + from - lead, lead + to - from);
  }
  const bytes = new Uint8Array(lead + to - from);
  bytes.set(body.subarray(from, to), lead);
  return bytes;
}

/** Puts what came of `parts` of `body` where they are. */
function spread(sealed, { parts, start }, body) {
  for (let n = 0; n < parts.length; n += 3) {
    const length = parts[n + 1] - parts[n];
    body.set(new Uint8Array(sealed, parts[n + 2] - start, length), parts[n]);
  }
}

const viewOf = ({ buffer, byteOffset, length }) => new DataView(buffer, byteOffset, length);

/** Copies a block from `at` of a view to `there` of another. */
function copyBlock(from, at, to, there) {
  to.setBigInt64(there, from.getBigInt64(at, true), true);
  to.setBigInt64(there + 8, from.getBigInt64(at + 8, true), true);
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
