// The player page. In: the list of assets, the form, or the address bar:
//   ?player=hls.js|dash.js|shaka|native & url=… & protocol=hls|dash|smooth & autoplay=1 & muted=1
// Out: a playing video and, for scripts, window.selvedge.
import { load, players } from "./players.js";

const WATCHED = [
  "loadedmetadata",
  "playing",
  "pause",
  "seeking",
  "seeked",
  "waiting",
  "ended",
  "ratechange",
  "resize",
];

const field = (id) => document.getElementById(id);
const [form, video, asset, protocol, player, url, quality, language, text] = [
  "what",
  "video",
  "asset",
  "protocol",
  "player",
  "url",
  "quality",
  "language",
  "text",
].map(field);

/** What scripts may look at. `events` holds { at, kind, text }; `at` is milliseconds since load. */
const selvedge = (window.selvedge = {
  events: [],
  video,
  player: undefined,
  session: undefined,
  stalls: 0,
  errors: 0,
  play,
});

function report(kind, text = "") {
  const at = Math.round(performance.now());
  selvedge.events.push({ at, kind, text });
  if (kind === "error") {
    selvedge.errors += 1;
    field("alert").textContent = text;
  }
  const line = document.createElement("li");
  line.textContent = `${(at / 1000).toFixed(3)} ${kind} ${text}`;
  field("events").prepend(line);
}

/** Plays `address` in the player called `name`; resolves with its session once it has begun. */
async function play(name, address) {
  await selvedge.session?.stop();
  Object.assign(selvedge, { session: undefined, player: undefined, stalls: 0, errors: 0 });
  field("alert").textContent = "";
  report("load", `${name} ${address}`);
  try {
    await load(players[name]);
    selvedge.session = await players[name].start(video, address, report);
    selvedge.player = selvedge.session.player;
    await video.play().catch((error) => report("note", `play: ${error.message}`));
  } catch (error) {
    report("error", error.message);
  }
  return selvedge.session;
}

function watch() {
  let played = false;
  for (const name of WATCHED) {
    video.addEventListener(name, () => {
      if (name === "playing") played = true;
      if (name === "loadedmetadata") played = false;
      // Waiting for the first picture, or after a seek, is no stall.
      if (name === "waiting" && played && !video.seeking) selvedge.stalls += 1;
      report(name, video.currentTime.toFixed(3));
    });
  }
  video.addEventListener("error", () =>
    report("error", `media ${video.error.code} ${video.error.message}`),
  );
  setInterval(show, 250);
}

function show() {
  const { session, stalls, errors } = selvedge;
  const frames = video.getVideoPlaybackQuality();
  const ranges = Array.from({ length: video.buffered.length }, (_, at) => [
    video.buffered.start(at),
    video.buffered.end(at),
  ]);
  field("time").textContent = `${video.currentTime.toFixed(2)} of ${video.duration.toFixed(2)} s`;
  field("buffered").textContent =
    ranges.map((range) => range.map((time) => time.toFixed(2)).join("–")).join(", ") || "–";
  field("dropped").textContent = `${frames.droppedVideoFrames} of ${frames.totalVideoFrames}`;
  field("stalls").textContent = stalls;
  field("errors").textContent = errors;
  if (session === undefined) return;
  const now = session.qualities().find(({ id }) => id === session.quality());
  const size = `${video.videoWidth}×${video.videoHeight}`;
  field("rendition").textContent = now === undefined ? size : `${size}, ${described(now)}`;
  offer(quality, [
    { id: "auto", name: "Automatic" },
    ...session.qualities().map((each) => ({ ...each, name: described(each) })),
  ]);
  offer(language, session.languages());
  if (document.activeElement !== language) language.value = session.language();
  offer(text, [{ id: "off", name: "Off" }, ...session.texts()]);
}

const described = ({ height, bandwidth, codecs }) =>
  [height && `${height}p`, bandwidth && `${(bandwidth / 1000).toFixed(0)} kbit/s`, codecs]
    .filter(Boolean)
    .join(", ");

/** Makes a select offer these, without touching one that does already. */
function offer(select, choices) {
  const made = choices.map(({ id, name }) => `${id}\n${name}`).join("\t");
  if (select.dataset.made === made) return;
  const chosen = select.value;
  select.dataset.made = made;
  select.disabled = choices.length < 2;
  select.replaceChildren(...choices.map(({ id, name }) => new Option(name, id)));
  if (choices.some(({ id }) => id === chosen)) select.value = chosen;
}

function offerPlayers() {
  const fitting = Object.keys(players).filter((name) =>
    players[name].protocols.includes(protocol.value),
  );
  offer(
    player,
    fitting.map((name) => ({ id: name, name })),
  );
}

function address() {
  const chosen = asset.selectedOptions[0]?.dataset ?? {};
  const [only, ...more] = ["hls", "dash", "smooth"].filter((name) => chosen[name] !== undefined);
  if (only !== undefined && more.length === 0 && protocol.value !== only) {
    protocol.value = only;
    offerPlayers();
  }
  if (chosen[protocol.value] !== undefined) url.value = chosen[protocol.value];
}

/** Lists what is published: the origin knows, `cargo xtask dev` passes the question on. */
async function listAssets() {
  try {
    const [assets, offers] = await Promise.all(["/api/assets", "/api/offers"].map(asked));
    asset.replaceChildren(...offered(assets, offers));
  } catch (error) {
    report("note", `no list of assets: ${error.message}`);
  }
}

async function asked(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`the origin answered ${response.status}`);
  return response.json();
}

/** `assets` are the origin's. `offers` need a token, which only those addresses have. */
function offered(assets, offers) {
  const open = assets.filter(({ locator }) => !offers.some(({ url }) => url.includes(locator)));
  const plain = open.flatMap((each) =>
    each.manifests.map(({ name, hls, dash, smooth }) => {
      const option = new Option(`${each.asset} / ${name}`, `${each.locator}/${name}`);
      Object.assign(option.dataset, { hls, dash, smooth });
      return option;
    }),
  );
  const others = offers.map(({ name, protocol: how, url }) => {
    const option = new Option(name, url);
    option.dataset[how] = url;
    return option;
  });
  return [...plain, ...others];
}

async function begin() {
  const query = new URLSearchParams(location.search);
  video.muted = query.get("muted") === "1";
  const given = query.get("url");
  protocol.value = query.get("protocol") ?? (given?.includes("format=mpd") ? "dash" : "hls");
  offerPlayers();
  if (query.has("player")) player.value = query.get("player");
  await listAssets();
  if (given === null) address();
  else url.value = given;
  if (query.get("autoplay") === "1" && url.value !== "") await play(player.value, url.value);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  play(player.value, url.value);
});
protocol.addEventListener("change", () => {
  offerPlayers();
  address();
});
asset.addEventListener("change", address);
quality.addEventListener("change", () => selvedge.session?.chooseQuality(quality.value));
text.addEventListener("change", () => selvedge.session?.chooseText(text.value));
language.addEventListener("change", () => selvedge.session?.chooseLanguage(language.value));
watch();
await begin();
