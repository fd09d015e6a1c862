// A worker that hands orders to the glue, so that a test can give them.
import { Pipeline, cached, keep, readRange, writeNew } from "./glue.js";

export default {
  async fetch(request, env) {
    const order = await request.json();
    const bucket = order.r2 ? env.MEDIA : undefined;
    if (order.read) {
      const { address, start, end } = order.read;
      const answer = await readRange(bucket, address, BigInt(start), BigInt(end), order.patience);
      return Response.json({ ...answer, bytes: [...answer.bytes], size: Number(answer.size) });
    }
    if (order.write) {
      for (const text of ["first", "second"])
        await writeNew(bucket, order.write, new TextEncoder().encode(text));
      return new Response((await bucket.get(order.write)).body);
    }
    if (order.keep) {
      await keep(order.keep, new Uint8Array([1, 2, 3]), 7n, '"é"', 5n, 60);
      const { bytes, size, etag } = await cached(order.keep);
      const nothing = (await cached(`${order.keep}/other`)) === undefined;
      return Response.json({ bytes: [...bytes], size: Number(size), etag, nothing });
    }
    const pipeline = new Pipeline(bucket, order.patience);
    for (const piece of order.pieces) {
      if (piece.text !== undefined) pipeline.inline(new TextEncoder().encode(piece.text));
      else {
        const { object, address, start, end, size, etag = "", keep = [start, end] } = piece;
        const parts = BigUint64Array.from(keep.map(BigInt));
        pipeline.stored(
          object ?? address,
          address,
          BigInt(start),
          BigInt(end),
          BigInt(size),
          etag,
          parts,
        );
      }
    }
    const { kind, message, body } = await pipeline.open(BigInt(order.length));
    if (kind !== "") return Response.json({ kind, message }, { status: 502 });
    return new Response(body);
  },
};
