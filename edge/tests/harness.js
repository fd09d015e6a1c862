// A worker that hands orders to the glue, so that a test can give them.
import { Exchange, Pipeline, cached, keep, readRange, writeNew } from "./glue.js";

export default {
  async fetch(request, env) {
    const order = await request.json();
    const bucket = order.r2 ? env.MEDIA : undefined;
    if (order.read) {
      const { address, start, end } = order.read;
      const answer = await readRange(bucket, address, BigInt(start), BigInt(end), order.patience);
      const [size, modified] = [answer.size, answer.modified].map(Number);
      return Response.json({ ...answer, bytes: [...answer.bytes], size, modified });
    }
    if (order.write) {
      for (const text of ["first", "second"])
        await writeNew(bucket, order.write, new TextEncoder().encode(text));
      return new Response((await bucket.get(order.write)).body);
    }
    if (order.keep) {
      await keep(order.keep, new Uint8Array([1, 2, 3]), 7n, '"é"', 5n, 60);
      const { bytes, size, etag, modified } = await cached(order.keep);
      const nothing = (await cached(`${order.keep}/other`)) === undefined;
      const [length, date] = [size, modified].map(Number);
      return Response.json({ bytes: [...bytes], size: length, etag, modified: date, nothing });
    }
    if (order.inputs) return exchange(order, bucket);
    const pipeline = new Pipeline(bucket, order.patience);
    for (const piece of order.pieces) {
      if (piece.text !== undefined) pipeline.inline(new TextEncoder().encode(piece.text));
      else {
        pipeline.stored(...stored(piece));
      }
    }
    const { kind, message, body } = await pipeline.open(BigInt(order.length));
    if (kind !== "") return Response.json({ kind, message }, { status: 502 });
    return new Response(body);
  },
};

function stored({ object, address, start, end, size, etag = "", keep = [start, end], kept = "" }) {
  const [from, to, whole] = [start, end, size].map(BigInt);
  const stretches = BigUint64Array.from(keep.map(BigInt));
  return [object ?? address, address, from, to, whole, etag, stretches, kept];
}

/** Sends what the inputs give, read by turns. */
async function exchange({ inputs, length, patience }, bucket) {
  const exchange = new Exchange(bucket, patience);
  for (const [number, pieces] of inputs.entries()) {
    for (const piece of pieces) exchange.stored(number, ...stored(piece));
  }
  const { kind, message, body } = await exchange.open(BigInt(length));
  if (kind !== "") return Response.json({ kind, message }, { status: 502 });
  const fill = async () => {
    const open = new Set(inputs.keys());
    while (open.size > 0) {
      for (const number of open) {
        const bytes = await exchange.read(number);
        if (bytes.length === 0) open.delete(number);
        else await exchange.write(Uint8Array.from(bytes, (byte) => byte ^ (number * 0xff)));
      }
    }
    await exchange.close();
  };
  fill().catch((error) => exchange.abort(error.message));
  return new Response(body);
}
