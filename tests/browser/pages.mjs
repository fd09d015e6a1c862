// Serves the player pages and the players themselves, and a folder of media if one is given.
// In: a folder.  Out: a server on a port of its own on the loopback interface.

import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const modules = fileURLToPath(new URL("../../node_modules/", import.meta.url));

const players = {
  "/hls.js": join(modules, "hls.js/dist/hls.js"),
  "/dash.js": join(modules, "dashjs/dist/modern/umd/dash.all.debug.js"),
  // Its module for Smooth Streaming is a file of its own.
  "/dash-mss.js": join(modules, "dashjs/dist/modern/umd/dash.mss.debug.js"),
  "/shaka.js": join(modules, "shaka-player/dist/shaka-player.compiled.js"),
  // The last line of versions that plays Smooth Streaming, and what it does so with.
  "/iso_boxer.js": join(modules, "codem-isoboxer/dist/iso_boxer.js"),
  "/shaka-4.js": join(modules, "shaka-player-4/dist/shaka-player.compiled.js"),
};

const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".m3u8": "application/vnd.apple.mpegurl",
  ".mpd": "application/dash+xml",
};

function fileOf(path, media) {
  if (players[path]) return players[path];
  const below = normalize(path).replace(/^(\.\.[/\\])+/, "");
  if (path.startsWith("/media/") && media) return join(media, below.slice("/media/".length));
  return join(here, below);
}

export async function servePages(media) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://local");
    const file = fileOf(decodeURIComponent(pathname), media);
    try {
      const size = statSync(file).size;
      const type = types[extname(file)] ?? "application/octet-stream";
      response.writeHead(200, { "Content-Type": type, "Content-Length": size });
      createReadStream(file).pipe(response);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const url = `http://127.0.0.1:${server.address().port}`;
  return { url, close: () => server.close() };
}
