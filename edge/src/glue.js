// Ranges of stored objects as native streams. In: a bucket binding or a signed address, a range.
// Out: a few bytes for the core, or a response body that never enters WebAssembly.
// Knows nothing of media, policies or tokens, and puts no address into a failure.

import { waitUntil } from "cloudflare:workers";
import { HEADROOM, plain } from "./cipher.js";

const CHUNK = 256 * 1024; // a default reader hands out 4 KiB at a time
const SEALED_CHUNK = 512 * 1024; // where each costs calls of WebCrypto, too
const ROOM = 64 * 1024; // what bytes to write are put into is made in steps of this
const OPENED_AHEAD = 4; // a request may hold six connections; two stay free for what comes next

/** Why a read gave nothing: `missing`, `late`, `changed` or, in words for a client, `failed`. */
class Refusal extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

const failed = (message) => new Refusal("failed", message);

/** Any error as a refusal; what the runtime says may hold an address and stays here. */
const refusal = (error) =>
  error instanceof Refusal ? error : failed("the connection to the store was lost");

/** Bytes `[start, end)` of an object, as many of them as there are. */
export async function readRange(bucket, address, start, end, patience) {
  const clock = new Clock(patience);
  try {
    const range = { start: Number(start), end: Number(end) };
    const opened = await openRange(bucket, address, range, clock);
    const bytes = await clock.race(collect(opened));
    const { size, etag, modified } = opened;
    return { kind: "", message: "", bytes, size: BigInt(size), etag, modified: millis(modified) };
  } catch (error) {
    clock.abort();
    const { kind, message } = clock.isOver ? clock.refusal() : refusal(error);
    return { kind, message, bytes: new Uint8Array(), size: 0n, etag: "", modified: 0n };
  } finally {
    clock.stop();
  }
}

/** Writes an object unless there is one; a failure is for the log alone. */
export async function writeNew(bucket, key, bytes) {
  try {
    await bucket.put(key, bytes, { onlyIf: new Headers({ "If-None-Match": "*" }) });
  } catch (error) {
    console.warn(`${key} could not be written: ${error.message}`);
  }
}

/** A response body of known length, made of given and of stored bytes. */
export class Pipeline {
  #bucket;
  #patience;
  #pieces = [];
  #cipher;

  constructor(bucket, patience) {
    this.#bucket = bucket;
    this.#patience = patience;
  }

  /** Encrypts what it is made of; the body then has as many bytes as come out of that. */
  encrypt(cipher) {
    this.#cipher = cipher;
  }

  /** Adds these bytes. */
  inline(bytes) {
    this.#pieces.push({ bytes });
  }

  /** Adds the `keep` stretches (start, end, start, end, …) of `[start, end)` of an object. */
  stored(object, address, start, end, size, etag, keep, kept) {
    this.#pieces.push({
      object,
      address,
      range: { start: Number(start), end: Number(end) },
      size: Number(size),
      etag,
      keep: plain(keep),
      kept,
      opened: undefined,
    });
  }

  /** Opens the first piece of each object; then the body, `length` bytes long, fills itself. */
  async open(length) {
    const objects = new Map();
    for (const piece of this.#pieces) {
      if (piece.object !== undefined && !objects.has(piece.object))
        objects.set(piece.object, piece);
    }
    try {
      await Promise.all(
        [...objects.values()].slice(0, OPENED_AHEAD).map((piece) => this.#opened(piece)),
      );
    } catch (error) {
      this.#cancel();
      const { kind, message } = refusal(error);
      return { kind, message, body: undefined };
    }
    const { readable, writable } = new FixedLengthStream(length);
    this.#fill(writable);
    return { kind: "", message: "", body: readable };
  }

  async #fill(writable) {
    const [cipher, patience] = [this.#cipher, this.#patience];
    const body = new Body(writable);
    try {
      for (const [at, piece] of this.#pieces.entries()) {
        if (piece.object === undefined) {
          body.add(cipher === undefined ? piece.bytes : await cipher.update(piece.bytes));
          continue;
        }
        const opened = await this.#opened(piece);
        this.#openNext(at + 1);
        const isPiped = cipher === undefined && isWhole(piece, opened);
        if (isPiped) await pipe(opened, piece, body, patience);
        else await squeeze(opened, piece, body, patience, cipher);
        piece.opened = undefined;
      }
      if (cipher !== undefined) body.add(await cipher.finish());
      await body.close();
    } catch (error) {
      // The client sees a broken transfer: fewer bytes than Content-Length promised.
      this.#cancel();
      await body.abort(error);
      if (error instanceof Refusal) console.error(`body broken off: ${error.message}`);
    }
  }

  /** Opens the stored piece after this one, so that its first bytes are on their way. */
  #openNext(at) {
    const next = this.#pieces.slice(at, at + 2).find((piece) => piece.object !== undefined);
    if (next !== undefined) this.#opened(next).catch(() => {}); // told when its turn comes
  }

  #opened(piece) {
    piece.opened ??= openVersion(this.#bucket, piece, this.#patience);
    return piece.opened;
  }

  #cancel() {
    for (const { opened } of this.#pieces) opened?.then(leave).catch(() => {});
  }
}

/** Stored bytes, read in several orders at once, and a body of known length to write to. */
export class Exchange {
  #bucket;
  #patience;
  #inputs = [];
  #writer;
  #cipher;
  #room;

  constructor(bucket, patience) {
    this.#bucket = bucket;
    this.#patience = patience;
  }

  /** Encrypts what is written. */
  encrypt(cipher) {
    this.#cipher = cipher;
  }

  /** Adds the `keep` stretches of `[start, end)` of an object to the end of input `number`. */
  stored(number, object, address, start, end, size, etag, keep, kept) {
    this.#inputs[number] ??= { pieces: [], at: 0, reader: undefined };
    this.#inputs[number].pieces.push({
      object,
      address,
      range: { start: Number(start), end: Number(end) },
      size: Number(size),
      etag,
      keep: plain(keep),
      kept,
    });
  }

  /** Opens the first piece of each input; the body is `length` bytes long, if that is known. */
  async open(length) {
    // All of them, so that what did open is closed where another did not.
    const opened = await Promise.allSettled(this.#inputs.map((input) => this.#next(input)));
    const refused = opened.find(({ status }) => status === "rejected");
    if (refused !== undefined) {
      this.cancel();
      const { kind, message } = refusal(refused.reason);
      return { kind, message, body: undefined };
    }
    const { readable, writable } =
      length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
    this.#writer = writable.getWriter();
    return { kind: "", message: "", body: readable };
  }

  /** The next wanted bytes of an input; none at its end. */
  async read(number) {
    const input = this.#inputs[number];
    while (input?.reader !== undefined) {
      const { reader, piece, wanted, at, watch } = input;
      const { end } = piece.range;
      const most = Math.min(CHUNK, end - at);
      const buffer = input.buffer?.byteLength >= most ? input.buffer : new ArrayBuffer(most);
      const chunk = at < end ? await readChunk(reader, buffer, end - at, watch) : undefined;
      if (chunk === undefined) {
        if (at < end) throw failed(`the store ended at byte ${at} of ${end}`);
        await this.#next(input);
        continue;
      }
      input.at += chunk.length;
      input.buffer = chunk.buffer;
      const bytes = compact(chunk, at, wanted);
      if (bytes.length > 0) return bytes;
    }
    return new Uint8Array();
  }

  async #next(input) {
    this.#release(input);
    const piece = input.pieces.shift();
    if (piece === undefined) return;
    const opened = await openVersion(this.#bucket, piece, this.#patience);
    Object.assign(input, { piece, at: piece.range.start, wanted: { keep: piece.keep, next: 0 } });
    input.reader = readerOf(opened);
    input.watch = new Watch(input.reader, this.#patience);
  }

  /** Lets go of the stretch under way, if there is one. */
  #release(input) {
    input.watch?.stop();
    if (input.reader !== undefined) release(input.reader);
    input.reader = undefined;
  }

  /** Where bytes to write go, with room before them; the same place each time. */
  room(length) {
    const least = HEADROOM + length;
    if (!(this.#room?.byteLength >= least)) {
      this.#room = new ArrayBuffer(Math.ceil(least / ROOM) * ROOM);
    }
    return new Uint8Array(this.#room, HEADROOM, length);
  }

  /** Writes to the body, and waits until that is taken. */
  async write(bytes) {
    const sealed = this.#cipher === undefined ? bytes : await this.#cipher.update(bytes);
    if (sealed.length > 0) await this.#writer.write(sealed);
    if (sealed.buffer !== bytes.buffer) forget(sealed);
  }

  /** The body is whole. */
  async close() {
    const rest = await this.#cipher?.finish();
    if (rest?.length > 0) await this.#writer.write(rest);
    await this.#writer.close();
    this.#inputs.forEach((input) => this.#release(input));
  }

  /** The client sees a broken transfer: fewer bytes than Content-Length promised. */
  async abort(reason) {
    this.cancel();
    await this.#writer.abort(new Error(reason)).catch(() => {});
  }

  cancel() {
    for (const { reader, watch } of this.#inputs) {
      watch?.stop();
      reader?.cancel().catch(() => {});
    }
  }
}

/**
 * Opens a piece: from the data centre's cache where it is kept, which is once for all viewers, else
 * from the store, and keeps it. Who asks for what somebody else is just keeping waits for that.
 */
async function openVersion(bucket, piece, patience) {
  const { kept: key, range } = piece;
  const length = range.end - range.start;
  if (!key || length > LARGEST_KEPT) return openStored(bucket, piece, patience);
  for (let waited = 0; waited < LONGEST_WAIT; waited += POLL) {
    // What is being kept may yet break off: nobody looks at it before that is known.
    if (!isFilling(key)) {
      const body = await keptBody(key, length);
      if (body !== undefined) return { body, length, counted: true };
      if (!isFilling(key)) return openAndKeep(bucket, piece, patience);
    }
    await new Promise((done) => setTimeout(done, POLL));
  }
  // What takes longer than this to keep is better read twice than waited for.
  return openStored(bucket, piece, patience);
}

/** Opens a piece from the store, and keeps it while it is read. */
async function openAndKeep(bucket, piece, patience) {
  const { kept: key, range } = piece;
  filling.set(key, Date.now() + patience);
  try {
    const opened = await openStored(bucket, piece, patience);
    if (!opened.counted) return done(key, opened);
    const length = range.end - range.start;
    const { readable, writable } = new FixedLengthStream(length);
    const time = piece.etag === "" ? UNTAGGED_S : TAGGED_S;
    const keeping = keepBody(key, readable, length, time);
    waitUntil(keeping.finally(() => filling.delete(key)));
    return { ...opened, copy: new Copy(writable, length) };
  } catch (error) {
    throw done(key, error);
  }
}

/** Ranges this isolate is putting into the cache, and until when others wait for them. */
const filling = new Map();
const POLL = 15; // milliseconds
const LONGEST_WAIT = 3000;
/** A segment is some megabytes. */
const LARGEST_KEPT = 16 * 1024 * 1024;
const TAGGED_S = 31_536_000; // its key has the object's tag: it never changes
const UNTAGGED_S = 3600;

const isFilling = (key) => (filling.get(key) ?? 0) > Date.now();

function done(key, what) {
  filling.delete(key);
  return what;
}

/** Where it says that what is kept under a key is whole, of which filling of it. */
const wholeness = (key) => `${key}&whole`;
const FILL = "X-Fill";

/** What is kept under a key, if it is whole. */
async function keptBody(key, length) {
  try {
    const [whole, response] = await Promise.all([
      caches.default.match(wholeness(key)),
      caches.default.match(key),
    ]);
    discard(whole?.body);
    const of = (header) => response?.headers.get(header);
    const marked = whole !== undefined && whole.headers.get(FILL) === of(FILL);
    if (marked && Number(of("Content-Length")) === length) return response.body;
    discard(response?.body);
  } catch {
    // A failing cache has nothing.
  }
  return undefined;
}

/**
 * Puts a stream of exactly `length` bytes into the cache. One that breaks off may be kept in part,
 * and the runtime calls that done: a second entry says of what is whole that it is. Either may be
 * evicted without the other, so both have a number of this filling.
 */
async function keepBody(key, body, length, seconds) {
  try {
    const headers = {
      "Cache-Control": `public, max-age=${seconds}`,
      "Content-Type": "application/octet-stream",
      [FILL]: crypto.randomUUID(),
    };
    const kept = { headers: { ...headers, "Content-Length": String(length) } };
    await caches.default.put(key, new Response(body, kept));
    await caches.default.put(wholeness(key), new Response("whole", { headers }));
  } catch {
    // Nothing kept: the next request reads the store.
  }
}

/**
 * The cache's copy of a body, written beside the client's. It is never more than a chunk behind or
 * ahead: what a slow client has not taken yet stays in the store, and not in memory. A client that
 * leaves takes the copy along; a cache that fails does not take the client along.
 */
class Copy {
  #writer;
  #left;
  #buffer; // the bytes being written: garbage of as many would outweigh all else a request holds
  #written = Promise.resolve();
  #over = false;

  constructor(writable, length) {
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => {});
    this.#left = length;
  }

  /** Adds a chunk, whose buffer may be used again, once the cache has taken the one before it. */
  async write(chunk) {
    if (this.#over) return;
    const clock = new Clock(LONGEST_WAIT);
    try {
      await clock.race(this.#written);
    } catch {
      return this.leave();
    } finally {
      clock.stop();
    }
    this.#left -= chunk.length;
    this.#over = this.#left === 0;
    if (!(this.#buffer?.length >= chunk.length)) this.#buffer = new Uint8Array(chunk.length);
    this.#buffer.set(chunk);
    this.#written = this.#writer.write(this.#buffer.subarray(0, chunk.length));
    this.#written.catch(() => {});
    if (this.#over) this.#writer.close().catch(() => {});
  }

  /** What there is of it so far is all. */
  leave() {
    if (this.#over) return;
    this.#over = true;
    this.#writer.abort(new Error("left")).catch(() => {});
  }
}

/** A reader of an open body, which lets the cache have what it reads. */
class SharedReader {
  #reader;
  #copy;

  constructor(body, copy) {
    this.#reader = body.getReader({ mode: "byob" });
    this.#copy = copy;
  }

  async readAtLeast(least, view) {
    const chunk = await this.#reader.readAtLeast(least, view);
    if (!chunk.done && chunk.value.length > 0) await this.#copy.write(chunk.value);
    return chunk;
  }

  /** Past the last byte that is wanted. */
  read(view) {
    this.#copy.leave();
    return this.#reader.read(view);
  }

  cancel() {
    this.#copy.leave();
    return this.#reader.cancel();
  }
}

const readerOf = ({ body, copy }) =>
  copy === undefined ? body.getReader({ mode: "byob" }) : new SharedReader(body, copy);

/** Nobody wants an open body any more. */
async function leave({ body, copy }) {
  copy?.leave();
  await body.cancel();
}

/** Opens a piece and sees to it that the object is still the one the index was made from. */
async function openStored(bucket, { address, range, size, etag }, patience) {
  const clock = new Clock(patience);
  try {
    const opened = await openRange(bucket, address, range, clock);
    const changed = opened.size !== size || (etag !== "" && opened.etag !== etag);
    if (changed || opened.length !== range.end - range.start) {
      discard(opened.body);
      throw new Refusal("changed", "a stored object is not the one that was indexed");
    }
    return opened;
  } catch (error) {
    throw clock.isOver ? clock.refusal() : refusal(error);
  } finally {
    clock.stop();
  }
}

/** An open range: `body` of `length` bytes, of an object of `size` bytes tagged `etag`. */
function openRange(bucket, address, range, clock) {
  return bucket === undefined
    ? openAddress(address, range, clock)
    : openObject(bucket, address, range, clock);
}

async function openAddress(address, { start, end }, clock) {
  const response = await fetch(address, {
    headers: { Range: `bytes=${start}-${end - 1}`, "Accept-Encoding": "identity" },
    redirect: "manual",
    cache: "no-store",
    signal: clock.signal,
  });
  try {
    const { length, size } = partOf(response, start, end);
    const etag = (response.headers.get("ETag") ?? "").replace(/^W\//, "").replace(/^"(.*)"$/, "$1");
    const counted = response.headers.get("Content-Length") !== null;
    const body = length === 0 ? discard(response.body) : response.body;
    const modified = Date.parse(response.headers.get("Last-Modified") ?? "");
    return { body, length, size, etag, modified, counted };
  } catch (error) {
    discard(response.body);
    throw error;
  }
}

/** Which part of which object a response carries (RFC 9110 §14.4); anything else is refused. */
function partOf({ status, headers }, start, end) {
  const range = headers.get("Content-Range") ?? "";
  if (status === 404 || status === 410) throw new Refusal("missing", "no such object");
  if (status === 416) {
    const size = Number(/^bytes \*\/(\d+)$/.exec(range)?.[1] ?? NaN);
    if (size <= start) return { length: 0, size };
  }
  if (status === 200) throw failed("the store ignored Range: it answered 200, not 206");
  if (status !== 206) throw failed(`the store answered ${status}`);
  if ((headers.get("Content-Encoding") ?? "identity") !== "identity") {
    throw failed("the store encoded a range");
  }
  const [first, last, size] = (/^bytes (\d+)-(\d+)\/(\d+)$/.exec(range) ?? []).slice(1).map(Number);
  if (first !== start || last !== Math.min(end, size) - 1) {
    throw failed(`the store answered another range than bytes ${start}-${end - 1}`);
  }
  const length = last + 1 - first;
  if (Number(headers.get("Content-Length") ?? length) !== length) {
    throw failed("the store's Content-Length and Content-Range disagree");
  }
  return { length, size };
}

async function openObject(bucket, key, { start, end }, clock) {
  let object;
  try {
    object = await clock.race(
      bucket.get(key, { range: { offset: start, length: end - start } }),
      (late) => discard(late?.body),
    );
  } catch (error) {
    if (clock.isOver) throw error;
    // The bucket throws on a range that begins past the end; the size tells it from a failure.
    object = await clock.race(bucket.head(key));
    if (object !== null && object.size > start) throw failed("the bucket refused the read");
  }
  if (object === null) throw new Refusal("missing", "no such object");
  const length = Math.max(0, Math.min(end, object.size) - start);
  const { body, size, etag, uploaded } = object;
  return { body, length, size, etag, modified: Number(uploaded), counted: true };
}

/** All bytes of an open range, exactly. */
async function collect({ body, length }) {
  if (length === 0) return new Uint8Array();
  const reader = body.getReader({ mode: "byob" });
  const whole = new Uint8Array(length);
  let got = 0;
  for (let chunk; got < length; got += chunk.length) {
    chunk = await readChunk(reader, new ArrayBuffer(Math.min(length - got, 4 * CHUNK)));
    if (chunk === undefined) throw failed(`the store sent ${got} of ${length} bytes`);
    whole.set(chunk, got);
  }
  release(reader);
  return whole;
}

/**
 * The bytes can go on as they come: all are wanted, by the client alone, and the runtime sees to
 * their number.
 */
function isWhole({ range, keep }, { counted, copy }) {
  const all = keep.length === 2 && keep[0] === range.start && keep[1] === range.end;
  return all && counted && copy === undefined;
}

/**
 * Hands a stream on unseen. With `preventAbort` workerd would never tell of a failure. A store that
 * sends less than a chunk in the time an answer may take has stopped sending.
 */
async function pipe(opened, { range: { start, end } }, body, patience) {
  const clock = new Clock(patience * (1 + Math.ceil((end - start) / CHUNK)));
  try {
    await opened.body.pipeTo(body.unlocked(), { preventClose: true, signal: clock.signal });
  } catch (error) {
    throw clock.isOver ? clock.refusal() : error;
  } finally {
    clock.stop();
  }
}

/** Hands on the wanted stretches of a stream, as `cipher`, if there is one, makes them. */
async function squeeze(opened, { range, keep }, body, patience, cipher) {
  const reader = readerOf(opened);
  const watch = new Watch(reader, patience);
  try {
    const wanted = { keep, next: 0 };
    const most = cipher === undefined ? CHUNK : SEALED_CHUNK;
    let buffer = borrow(HEADROOM + Math.min(most, range.end - range.start));
    for (let at = range.start; at < range.end;) {
      const wish = Math.min(most, range.end - at);
      const chunk = await readChunk(reader, buffer, wish, watch, HEADROOM);
      if (chunk === undefined) throw failed(`the store ended at byte ${at} of ${range.end}`);
      const clear = compact(chunk, at, wanted);
      const bytes = cipher === undefined ? clear : await cipher.update(clear);
      await body.add(bytes);
      if (bytes.buffer !== chunk.buffer) forget(bytes);
      at += chunk.length;
      buffer = chunk.buffer;
    }
    giveBack(buffer);
    release(reader);
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error;
  } finally {
    watch.stop();
  }
}

/** Memory to read into that nobody reads into just now, as much each as a chunk takes. */
const idle = [];
const MOST_IDLE = 2;

/** So many bytes of memory, or more; a chunk and its headroom at most. */
const borrow = (length) => idle.pop() ?? new ArrayBuffer(length);

/** Keeps memory for the next body. */
function giveBack(buffer) {
  if (buffer.byteLength === HEADROOM + SEALED_CHUNK && idle.length < MOST_IDLE) idle.push(buffer);
}

/** Moves what of a chunk, whose first byte is byte `at` of the object, is wanted to its front. */
function compact(chunk, at, wanted) {
  const end = at + chunk.length;
  let length = 0;
  for (; wanted.next < wanted.keep.length && wanted.keep[wanted.next] < end; wanted.next += 2) {
    const from = Math.max(wanted.keep[wanted.next], at);
    const to = Math.min(wanted.keep[wanted.next + 1], end);
    chunk.copyWithin(length, from - at, to - at);
    length += to - from;
    if (wanted.keep[wanted.next + 1] > end) break; // the rest of it comes with the next chunk
  }
  return chunk.subarray(0, length);
}

/** The next bytes of a stream, as many as the buffer holds unless the stream ends before. */
async function readChunk(reader, buffer, limit = Infinity, watch = undefined, offset = 0) {
  const view = new Uint8Array(buffer, offset, Math.min(limit, buffer.byteLength - offset));
  watch?.begin();
  try {
    const { value, done } = await reader.readAtLeast(view.length, view);
    if (watch?.isOver) throw tooLate();
    return done || value.length === 0 ? undefined : value;
  } catch (error) {
    throw watch?.isOver ? tooLate() : refusal(error);
  } finally {
    watch?.end();
  }
}

/**
 * Gives memory back at once: while a client is waited for, nothing sees to it that garbage is
 * collected.
 */
function forget({ buffer }) {
  buffer.transfer(0);
}

/**
 * Lets go of a stream whose last wanted byte is read: one that ends there is read to its end, so
 * that its connection can be used again.
 */
async function release(reader) {
  try {
    const { done } = await reader.read(new Uint8Array(1));
    if (!done) await reader.cancel();
  } catch {
    // Nobody wants more of it.
  }
}

/** A stream being written, for which one writer serves as long as nothing else writes to it. */
class Body {
  #writable;
  #writer;

  constructor(writable) {
    this.#writable = writable;
  }

  #locked() {
    this.#writer ??= this.#writable.getWriter();
    return this.#writer;
  }

  /** Writes bytes. Who does not wait for it learns of a failure from what is written next. */
  add(bytes) {
    if (bytes.length === 0) return undefined;
    const written = this.#locked().write(bytes);
    written.catch(() => {});
    return written;
  }

  /** The stream, for somebody else to write to. */
  unlocked() {
    // The runtime makes an error of it, with all its trimmings, so it is not done in vain.
    this.#writer?.releaseLock();
    this.#writer = undefined;
    return this.#writable;
  }

  close() {
    return this.#locked().close();
  }

  async abort(error) {
    try {
      await this.#locked().abort(error);
    } catch {
      // It is broken off already.
    }
  }
}

/** Milliseconds since 1970 as core has them; none where the store named no date. */
function millis(time) {
  return BigInt(time > 0 ? Math.trunc(time) : 0);
}

function discard(body) {
  body?.cancel().catch(() => {});
}

/** How long each chunk of a stream may take: one timer for all, for they cost more than chunks. */
class Watch {
  #reader;
  #patience;
  #timer;
  #since; // when the chunk was asked for that is under way
  isOver = false;

  constructor(reader, patience) {
    this.#reader = reader;
    this.#patience = patience;
    this.#arm(patience);
  }

  #arm(milliseconds) {
    this.#timer = setTimeout(() => {
      const waited = this.#since === undefined ? 0 : Date.now() - this.#since;
      if (waited < this.#patience) return this.#arm(this.#patience - waited);
      this.isOver = true;
      this.#reader.cancel().catch(() => {});
    }, milliseconds);
  }

  begin() {
    this.#since = Date.now();
  }

  end() {
    this.#since = undefined;
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

const tooLate = () => new Refusal("late", "the store did not answer in time");

/** How long a store may take. */
class Clock {
  #controller = new AbortController();
  #timer;
  #over;
  isOver = false;

  constructor(milliseconds) {
    this.#over = new Promise((_, reject) => {
      this.#timer = setTimeout(() => {
        this.isOver = true;
        reject(this.refusal());
        this.#controller.abort();
      }, milliseconds);
    });
    this.#over.catch(() => {});
  }

  get signal() {
    return this.#controller.signal;
  }

  refusal() {
    return tooLate();
  }

  /** What `work` gives, if it does so in time; `late` is given what comes after. */
  race(work, late = () => {}) {
    work.then((value) => this.isOver && late(value)).catch(() => {});
    return Promise.race([work, this.#over]);
  }

  /** Ends what is under way. */
  abort() {
    this.#controller.abort();
  }

  /** Time no longer matters. */
  stop() {
    clearTimeout(this.#timer);
  }
}

/** Whether a signature over SHA-256 is that of a public key; a key that is none signs nothing. */
export async function verify(curve, first, second, message, signature) {
  const text = (bytes) =>
    btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const [a, b] = [text(first), text(second)];
  const hash = "SHA-256";
  const [key, algorithm] =
    curve === ""
      ? [{ kty: "RSA", n: a, e: b }, { name: "RSASSA-PKCS1-v1_5", hash }]
      : [{ kty: "EC", crv: curve, x: a, y: b }, { name: "ECDSA", namedCurve: curve, hash }];
  try {
    const imported = await crypto.subtle.importKey("jwk", key, algorithm, false, ["verify"]);
    return await crypto.subtle.verify(algorithm, imported, signature, message);
  } catch {
    return false;
  }
}

/** The body of a request or an answer, unless it is longer than `most` bytes. */
export async function readBody(message, most) {
  if (Number(message.headers.get("Content-Length") ?? 0) > most) return undefined;
  const chunks = [];
  let length = 0;
  for await (const chunk of message.body ?? []) {
    length += chunk.length;
    if (length > most) return undefined;
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** What the data centre's cache has under a key. A failing cache has nothing. */
export async function cached(key) {
  try {
    const response = await caches.default.match(key);
    if (response === undefined) return undefined;
    const bytes = new Uint8Array(await response.arrayBuffer());
    const size = BigInt(response.headers.get("Selvedge-Size"));
    const etag = decodeURIComponent(response.headers.get("Selvedge-ETag") ?? "");
    const modified = BigInt(response.headers.get("Selvedge-Modified") ?? 0);
    return { kind: "", message: "", bytes, size, etag, modified };
  } catch {
    return undefined;
  }
}

/** Puts bytes into the data centre's cache. A failing cache keeps nothing. */
export async function keep(key, bytes, size, etag, modified, seconds) {
  try {
    const headers = {
      "Cache-Control": `public, max-age=${seconds}`,
      "Selvedge-Size": size.toString(),
      "Selvedge-ETag": encodeURIComponent(etag),
      "Selvedge-Modified": modified.toString(),
    };
    await caches.default.put(key, new Response(bytes, { headers }));
  } catch {
    // Nothing kept: the next request reads the store.
  }
}
