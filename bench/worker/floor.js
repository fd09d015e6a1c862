// A worker that does the least JavaScript can do with a body: it reads the origin's answer chunk by
// chunk and writes it, as it is or as one call of WebCrypto makes each chunk.  What it costs is the
// runtime's own part of what encryption costs there; no vectors, no samples, nothing is decided.

const CHUNK = 512 * 1024; // as large as those of the worker that is compared

export default {
  async fetch(request, { ORIGIN }) {
    const { pathname, searchParams } = new URL(request.url);
    const { body, headers } = await fetch(ORIGIN + pathname);
    const length = Number(headers.get("Content-Length"));
    const { readable, writable } = new FixedLengthStream(length);
    pass(body, length, writable, searchParams.get("cipher")).catch((error) => {
      console.error(error.message);
      return writable.abort(error);
    });
    return new Response(readable);
  },
};

async function pass(body, length, writable, cipher) {
  const [reader, writer] = [body.getReader({ mode: "byob" }), writable.getWriter()];
  const seal = cipher === null ? (bytes) => bytes : await sealer(cipher);
  let buffer = new ArrayBuffer(CHUNK);
  for (let at = 0; at < length;) {
    const view = new Uint8Array(buffer, 0, Math.min(CHUNK, length - at));
    const { value } = await reader.readAtLeast(view.length, view);
    await writer.write(await seal(value));
    at += value.length;
    buffer = value.buffer;
  }
  await writer.close();
}

/** Encrypts a chunk by one call; padding is left out, so that there are as many bytes as before. */
async function sealer(cipher) {
  const key = await crypto.subtle.importKey("raw", new Uint8Array(16), cipher, false, ["encrypt"]);
  const [iv, counter] = [new Uint8Array(16), new Uint8Array(16)];
  const algorithm = { name: cipher, iv, counter, length: 128 };
  return async (bytes) => {
    const sealed = await crypto.subtle.encrypt(algorithm, key, bytes);
    return new Uint8Array(sealed, 0, bytes.length);
  };
}
