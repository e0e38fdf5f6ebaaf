// The page: passes the agent's events on to the panels. Out of scope: the panels themselves.

import { Asking } from "./ask.js";
import { Camera, Readouts } from "./camera.js";
import { $, put, say } from "./dom.js";
import { History } from "./history.js";
import { Memory } from "./memory.js";
import { Objects } from "./objects.js";
import { Path } from "./path.js";
import { Stages } from "./stages.js";
import { Strip } from "./strip.js";
import { Viewer } from "./viewer.js";
import { Live } from "./wire.js";
import { isRecording, sourceName, sourceText, span } from "./words.js";

const memory = new Memory();
const camera = new Camera();
const readouts = new Readouts();
const history = new History();
const stages = new Stages();
const viewer = new Viewer(memory, {
  askAsOf: (keyframe) => asking.asOf(keyframe),
  shown: (id) => path.show(id),
});
const open = (id) => viewer.open(id);
const strip = new Strip(memory, open);
const objects = new Objects({ open, changed: (lists) => path.populate(lists) });
const path = new Path(open, (id) => objects.show(id));
const asking = new Asking({
  open,
  cited: (ids) => {
    strip.cite(ids);
    path.cite(ids);
  },
});

let loaded = false;
let awaySince = 0;
let awayWhy = "";
let awayTimer = 0;

// Reads all lists: at first, when the agent is back, and when it says that events were lost.
async function reload() {
  try {
    await Promise.all([memory.reload(), path.reload(), objects.reload(), asking.loadEarlier()]);
    const { newest } = memory;
    if (newest) readouts.kept(newest);
    loaded = true;
  } catch (error) {
    banner(`The memory could not be read: ${error.message}.`);
  }
}

function banner(text) {
  $("banner").hidden = !text;
  put($("banner"), text);
}

function tellAway() {
  banner(`${awayWhy} Reconnecting; what you see is ${span((Date.now() - awaySince) / 1000)} old.`);
}

function status(value) {
  stages.show(value);
  if (value.frame_age_s !== null) camera.exists();
  // A finished recording that the memory already holds is not read again, so no frame will come.
  if (value.input?.finished && value.frame_age_s === null) put($("camera-empty"), "The memory already holds this recording.");
  const name = sourceName(value);
  put($("source"), sourceText(value));
  $("source").title = value.input?.name ?? value.source;
  put($("h-camera"), isRecording(value) ? "Recording" : "Camera");
  document.title = name ? `${name} · Embodied Agent` : "Embodied Agent";
  readouts.threshold(value.keyframer?.overlap_threshold);
  if (history.limit !== (value.keyframer?.overlap_threshold ?? null)) history.threshold(value.keyframer?.overlap_threshold);
}

function suggest() {
  for (let at = memory.ids.length - 1; at >= Math.max(0, memory.ids.length - 200); at--) {
    const mention = memory.byId.get(memory.ids[at]).delta?.mentions[0];
    if (mention) return asking.suggest(mention.name);
  }
  asking.suggest("");
}

memory.addEventListener("change", suggest);

new Live("/api/events", ["decision", "keyframe", "delta", "status", "answered", "alert", "resync"], {
  decision(value) {
    camera.decided(value);
    readouts.decided(value);
    history.decided(value);
    path.decided(value);
  },
  keyframe(value) {
    memory.add(value);
    readouts.kept(value);
    history.kept(value);
    path.kept(value);
  },
  delta(value) {
    memory.perceived(value);
    objects.soon();
  },
  answered: (value) => asking.answered(value),
  alert: (value) => asking.alerted(value),
  status,
  resync: reload,
  state(state, why) {
    const live = state === "live";
    $("link").dataset.state = live ? "ok" : "bad";
    put($("link-text"), live ? "connected" : "reconnecting");
    clearInterval(awayTimer);
    camera.away(!live);
    if (live) {
      if (loaded) say("The agent is back.");
      banner("");
      history.clear();
      path.clear();
      objects.clear();
      reload();
      return;
    }
    if (!awaySince || $("banner").hidden) awaySince = Date.now();
    awayWhy = why;
    stages.away();
    tellAway();
    awayTimer = setInterval(tellAway, 1000);
  },
});
