// Every URL a player can come to.  In: a server and its manifests.  Out: paths, in order.

const reference = /URI="([^"]*)"/g;

/** `child` as seen from `parent`, both without a host. */
function below(parent, child) {
  return new URL(child, `http://host${parent}`).href.slice("http://host".length);
}

function ofPlaylist(path, text) {
  const named = [...text.matchAll(reference)].map(([, uri]) => uri);
  const ours = named.filter((uri) => !/^[a-z]+:/.test(uri)); // keys may be anywhere
  const listed = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return [...ours, ...listed].map((uri) => below(path, uri.trim()));
}

const attribute = (tag, name) =>
  new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]?.replaceAll("&amp;", "&");

/** (start) of every segment of a timeline. */
function starts(template) {
  const found = [];
  let next = 0;
  for (const [tag] of template.matchAll(/<S\s[^>]*>/g)) {
    next = Number(attribute(tag, "t") ?? next);
    for (let left = Number(attribute(tag, "r") ?? 0); left >= 0; left -= 1) {
      found.push(next);
      next += Number(attribute(tag, "d"));
    }
  }
  return found;
}

function ofMpd(path, text) {
  const found = [];
  for (const [set] of text.matchAll(/<AdaptationSet[\s\S]*?<\/AdaptationSet>/g)) {
    for (const [tag] of set.matchAll(/<Representation\s[^>]*>/g)) {
      const own = set.slice(set.indexOf(tag)).split("</Representation>")[0];
      const template = /<SegmentTemplate[\s\S]*?<\/SegmentTemplate>/;
      const [used] = template.exec(own) ?? template.exec(set);
      const expand = (name, time) => below(path, attribute(used, name)
        .replaceAll("$Bandwidth$", attribute(tag, "bandwidth"))
        .replaceAll("$RepresentationID$", attribute(tag, "id"))
        .replaceAll("$Time$", time));
      found.push(expand("initialization", 0), ...starts(used).map((time) => expand("media", time)));
    }
  }
  return found;
}

function ofClientManifest(path, text) {
  const found = [];
  for (const [stream] of text.matchAll(/<StreamIndex[\s\S]*?<\/StreamIndex>/g)) {
    const times = [];
    let next = 0;
    for (const [tag] of stream.matchAll(/<c\s[^>]*>/g)) {
      next = Number(attribute(tag, "t") ?? next);
      // Unlike that of an MPD, this `r` counts the chunk itself.
      for (let left = Number(attribute(tag, "r") ?? 1); left > 0; left -= 1) {
        times.push(next);
        next += Number(attribute(tag, "d"));
      }
    }
    for (const [tag] of stream.matchAll(/<QualityLevel\s[^>]*>/g)) {
      const template = attribute(stream, "Url").replace("{bitrate}", attribute(tag, "Bitrate"));
      found.push(...times.map((time) => below(path, template.replace("{start time}", time))));
    }
  }
  return found;
}

/** What reads manifests, by their type. */
const readers = [
  ["mpegurl", ofPlaylist],
  ["dash+xml", ofMpd],
  ["ms-sstr+xml", ofClientManifest],
];

/** `paths` of manifests and everything they lead to at `server`. */
export async function crawl(server, paths) {
  const seen = new Set(paths);
  for (const path of seen) {
    const response = await fetch(server + path);
    const type = response.headers.get("Content-Type") ?? "";
    const read = readers.find(([kind]) => type.includes(kind))?.[1];
    if (!read) {
      await response.body?.cancel();
      continue;
    }
    for (const child of read(path, await response.text())) seen.add(child);
  }
  return [...seen];
}
