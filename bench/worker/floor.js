// A worker that does the least a worker can do with a body: it lets the runtime pipe the origin's
// answer, or reads it chunk by chunk and writes it, as it is or as one call of WebCrypto makes each
// chunk.  What it costs is the runtime's own part of what segments cost; no vectors, no samples,
// nothing is decided.

const CHUNK = 512 * 1024; // as large as those of the worker that is compared

export default {
  async fetch(request, { ORIGIN }) {
    const { pathname, searchParams } = new URL(request.url);
    const { body, headers } = await fetch(ORIGIN + pathname);
    const length = Number(headers.get("Content-Length"));
    const { readable, writable } = new FixedLengthStream(length);
    const how = searchParams.get("how");
    const passed = how === "pipe" ? body.pipeTo(writable) : pass(body, length, writable, how);
    passed.catch((error) => console.error(error.message));
    return new Response(readable);
  },
};

async function pass(body, length, writable, how) {
  const [reader, writer] = [body.getReader({ mode: "byob" }), writable.getWriter()];
  const seal = how === "read" ? (bytes) => bytes : await sealer(how);
  try {
    let buffer = new ArrayBuffer(CHUNK);
    for (let at = 0; at < length;) {
      const view = new Uint8Array(buffer, 0, Math.min(CHUNK, length - at));
      const { value } = await reader.readAtLeast(view.length, view);
      await writer.write(await seal(value));
      at += value.length;
      buffer = value.buffer;
    }
    await writer.close();
  } catch (error) {
    await writer.abort(error); // else the client waits for ever
    throw error;
  }
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
