// The players, each behind the same few functions.
//
// start(video, url, report) gives a session:
//   player              the player's own object
//   qualities()         what can be chosen: [{ id, bandwidth, height, codecs }]
//   quality()           the id of what plays
//   chooseQuality(id)   plays that alone; "auto" lets the player choose again
//   languages()         what can be chosen: [{ id, name }]
//   language()          the id of what plays
//   chooseLanguage(id)
//   texts()             subtitles to choose from: [{ id, name }]
//   chooseText(id)      shows that; "off" shows none
//   stop()
// report(kind, text) is called with "error" for what ends playback and "note" for the rest.

const AUTO = "auto";
const OFF = "off";

/** The players by the name the address bar knows them by. */
export const players = {
  "hls.js": { protocols: ["hls"], scripts: ["/vendor/hls.js/dist/hls.min.js"], start: startHls },
  "dash.js": {
    protocols: ["dash", "smooth"],
    scripts: [
      "/vendor/dashjs/dist/modern/umd/dash.all.min.js",
      "/vendor/dashjs/dist/modern/umd/dash.mss.min.js",
    ],
    start: startDash,
  },
  shaka: {
    protocols: ["hls", "dash"],
    scripts: ["/vendor/shaka-player/dist/shaka-player.compiled.js"],
    start: startShaka,
  },
  native: { protocols: ["hls", "dash"], start: startNative },
};

const loaded = new Map();

/** Loads a player's scripts, one after another, each once. */
export async function load({ scripts = [] }) {
  for (const script of scripts) {
    if (!loaded.has(script)) loaded.set(script, append(script));
    await loaded.get(script);
  }
}

function append(script) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement("script"), { src: script });
    element.onload = resolve;
    element.onerror = () => reject(new Error(`${script} could not be loaded: run npm install`));
    document.head.append(element);
  });
}

async function startHls(video, url, report) {
  const { Hls } = window;
  const hls = new Hls();
  hls.on(Hls.Events.ERROR, (_, { fatal, type, details, response, error }) => {
    const more = [response?.code, error?.message].filter(Boolean).join(" ");
    report(fatal ? "error" : "note", `${type} ${details} ${more}`.trim());
  });
  hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => report("note", `rendition ${level}`));
  const parsed = new Promise((resolve) => hls.once(Hls.Events.MANIFEST_PARSED, resolve));
  hls.loadSource(url);
  hls.attachMedia(video);
  await Promise.race([parsed, firstFatal(hls)]);
  return {
    player: hls,
    qualities: () =>
      hls.levels.map(({ bitrate, height, attrs }, id) => ({
        id: `${id}`,
        bandwidth: bitrate,
        height,
        codecs: attrs?.CODECS,
      })),
    quality: () => `${hls.currentLevel}`,
    chooseQuality: (id) => (hls.nextLevel = id === AUTO ? -1 : Number(id)),
    languages: () =>
      hls.audioTracks.map(({ name, lang }, id) => ({
        id: `${id}`,
        name: `${name} (${lang ?? "und"})`,
      })),
    language: () => `${hls.audioTrack}`,
    chooseLanguage: (id) => (hls.audioTrack = Number(id)),
    texts: () => named(hls.subtitleTracks.map(({ name, lang }) => [name, lang])),
    chooseText(id) {
      hls.subtitleTrack = id === OFF ? -1 : Number(id);
      hls.subtitleDisplay = id !== OFF;
    },
    stop: () => hls.destroy(),
  };
}

/** Subtitles by their place among all, with their language. */
const named = (tracks) =>
  tracks.map(([name, language], id) => ({ id: `${id}`, name: `${name} (${language ?? "und"})` }));

/** Resolves when hls.js gives up, so that nobody waits for a manifest that never comes. */
function firstFatal(hls) {
  return new Promise((resolve) => {
    hls.on(window.Hls.Events.ERROR, (_, { fatal }) => fatal && resolve());
  });
}

async function startDash(video, url, report) {
  const { dashjs } = window;
  const { events } = dashjs.MediaPlayer;
  const dash = dashjs.MediaPlayer().create();
  dash.on(events.ERROR, ({ error }) => report("error", `${error.code} ${error.message}`));
  dash.on(events.PLAYBACK_ERROR, ({ error }) =>
    report("error", `playback ${error?.message ?? error}`),
  );
  dash.on(events.QUALITY_CHANGE_RENDERED, ({ mediaType, newRepresentation }) =>
    report("note", `${mediaType} rendition ${newRepresentation?.id}`),
  );
  const begun = new Promise((resolve) => {
    dash.on(events.STREAM_INITIALIZED, resolve);
    dash.on(events.ERROR, resolve);
  });
  dash.initialize(video, url, false);
  // TTML is drawn by the player, into a box over the picture.
  dash.attachTTMLRenderingDiv(document.getElementById("overlay"));
  await begun;
  const tracks = () => dash.getTracksFor("audio");
  return {
    player: dash,
    qualities: () =>
      dash
        .getRepresentationsByType("video")
        .map(({ id, bandwidth, height, codecs }) => ({ id, bandwidth, height, codecs })),
    quality: () => dash.getCurrentRepresentationForType("video")?.id ?? "",
    chooseQuality(id) {
      dash.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: id === AUTO } } } });
      if (id !== AUTO) dash.setRepresentationForTypeById("video", id, true);
    },
    languages: () => tracks().map(({ lang, index }) => ({ id: `${index}`, name: lang ?? "und" })),
    language: () => `${dash.getCurrentTrackFor("audio")?.index}`,
    chooseLanguage: (id) => dash.setCurrentTrack(tracks().find(({ index }) => `${index}` === id)),
    texts: () =>
      named(dash.getTracksFor("text").map(({ labels, lang }) => [labels?.[0]?.text ?? lang, lang])),
    chooseText(id) {
      dash.setTextTrack(id === OFF ? -1 : Number(id));
      dash.enableText(id !== OFF);
    },
    stop: () => dash.destroy(),
  };
}

async function startShaka(video, url, report) {
  const { shaka } = window;
  shaka.polyfill.installAll();
  const player = new shaka.Player();
  const tell = ({ code, severity, message }) =>
    report(
      severity === shaka.util.Error.Severity.RECOVERABLE ? "note" : "error",
      `${code} ${message}`,
    );
  player.addEventListener("error", ({ detail }) => tell(detail));
  player.addEventListener("adaptation", () => report("note", "rendition changed"));
  await player.attach(video);
  await player.load(url).catch(tell);
  const name = ({ bandwidth, height }) => `${height}/${bandwidth}`;
  return {
    player,
    qualities: () =>
      player
        .getVideoTracks()
        .map((track) => ({
          id: name(track),
          bandwidth: track.bandwidth,
          height: track.height,
          codecs: track.codecs,
        })),
    quality: () =>
      player
        .getVideoTracks()
        .filter(({ active }) => active)
        .map(name)[0] ?? "",
    chooseQuality(id) {
      player.configure({ abr: { enabled: id === AUTO } });
      const track = player.getVideoTracks().find((each) => name(each) === id);
      if (track !== undefined) player.selectVideoTrack(track, true);
    },
    languages: () =>
      player
        .getAudioTracks()
        .map(({ language, label }, id) => ({
          id: `${id}`,
          name: label ? `${label} (${language})` : language,
        })),
    language: () => `${player.getAudioTracks().findIndex(({ active }) => active)}`,
    chooseLanguage: (id) => player.selectAudioTrack(player.getAudioTracks()[Number(id)]),
    texts: () =>
      named(player.getTextTracks().map(({ label, language }) => [label ?? language, language])),
    chooseText: (id) =>
      player.selectTextTrack(id === OFF ? null : player.getTextTracks()[Number(id)]),
    stop: () => player.destroy(),
  };
}

async function startNative(video, url) {
  video.src = url;
  return {
    player: video,
    qualities: () => [],
    quality: () => "",
    chooseQuality() {},
    languages: () =>
      [...(video.audioTracks ?? [])].map(({ label, language }, id) => ({
        id: `${id}`,
        name: label || language,
      })),
    language: () => `${[...(video.audioTracks ?? [])].findIndex(({ enabled }) => enabled)}`,
    chooseLanguage(id) {
      [...(video.audioTracks ?? [])].forEach((track, at) => (track.enabled = `${at}` === id));
    },
    texts: () => named([...video.textTracks].map(({ label, language }) => [label, language])),
    chooseText(id) {
      [...video.textTracks].forEach((track, at) => {
        track.mode = `${at}` === id ? "showing" : "disabled";
      });
    },
    stop() {
      video.removeAttribute("src");
      video.load();
    },
  };
}
