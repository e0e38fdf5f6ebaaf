// Numbers and codes in words for people. Pure functions. Out of scope: elements.

const REASONS = {
  first: "first view",
  overlap: "low overlap",
  no_features: "no features",
  few_matches: "too few matches",
  no_homography: "no consistent match",
  motion: "motion changed",
  max_interval: "maximum interval",
  asked: "question asked",
  last: "last view",
};

// Whether the frames come from a recording and not from a camera.
export const isRecording = ({ input, live }) => (input ? input.recording : !live);

// The name of the camera or the recording: as the host says, else the recording's file, without the
// options that identify how it is read.
export function sourceName({ input, source }) {
  if (input) return input.name;
  return source.replace(/ \{.*\}$/s, "").split("/").filter(Boolean).pop() ?? "";
}

// Where the frames come from, for the head of the page.
export function sourceText(status) {
  const name = sourceName(status);
  if (!isRecording(status)) return name || "Live camera";
  return `Recording ${name}${status.input?.finished ? ", finished" : ""}`;
}

// What kind of answer it is, and the symbol that goes with it. A plain answer needs neither.
export const STATUSES = {
  not_seen: { word: "Not seen", symbol: "unseen" },
  cannot_tell: { word: "Can't tell", symbol: "unsure" },
  out_of_scope: { word: "Not about what was seen", symbol: "scope" },
  failed: { word: "No answer", symbol: "failed" },
};

// Models that come with the package: they know the simulated worlds only.
const SHIPPED = ["builtin:perceiver", "builtin:reasoner"];
export const isDemo = (names) => names.some((name) => SHIPPED.includes(name));
export const DEMO = "built-in demo models";

export const reasonText = (reason) => REASONS[reason] ?? String(reason ?? "").replaceAll("_", " ");

// Stamps come as numbers or, where a double would round them, as strings of digits.
export const stampSeconds = (stamp) => Number(stamp) / 1e9;

// A sensor's stamp: the time of day if its clock counts from 1970, else seconds.
export function stampText(stamp) {
  const seconds = stampSeconds(stamp);
  if (seconds < 1e9) return `${seconds.toFixed(1)} s`;
  const when = new Date(seconds * 1000);
  const two = (n) => String(n).padStart(2, "0");
  const tenth = Math.floor(when.getMilliseconds() / 100);
  return `${two(when.getHours())}:${two(when.getMinutes())}:${two(when.getSeconds())}.${tenth}`;
}

// The same with the day.
export function stampLong(stamp) {
  const seconds = stampSeconds(stamp);
  if (seconds < 1e9) return stampText(stamp);
  const day = new Date(seconds * 1000).toLocaleDateString(undefined, { dateStyle: "medium" });
  return `${day}, ${stampText(stamp)}`;
}

export const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(share * 100)} %`);

export function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 0.001) return "0 s";
  if (value < 0.9995) return `${Math.round(value * 1000)} ms`;
  if (value < 99.95) return `${value.toFixed(value < 9.995 ? 2 : 1)} s`;
  return span(value);
}

// A longer time in its two largest units.
export function span(value) {
  const whole = Math.round(value);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (value >= size) return `${(value / size).toFixed(value < 10 * size ? 1 : 0)} ${unit}`;
  }
  return `${value} B`;
}

export const count = (value) => (value ?? 0).toLocaleString("en").replaceAll(",", "\u202f");

export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

export const degrees = (value) => `${Math.round(value)}°`;

// An angle by its side: "41° right".
export const sided = (value, positive, negative) =>
  `${degrees(Math.abs(value))} ${Math.round(value) < 0 ? negative : positive}`;

// What the camera did: from the delta or, before there is one, from the egomotion.
export function moveText(keyframe) {
  const from = keyframe.delta ?? keyframe.egomotion;
  if (!from?.action) return "";
  return from.angle_deg === null || from.angle_deg === undefined
    ? from.action
    : `${from.action} ${degrees(from.angle_deg)}`;
}

// Which symbol shows an action, and how it is turned in style.css (`data-turn`).
export function moveIcon(action) {
  const [kind, way] = String(action ?? "").split(" ");
  if (kind === "rotate") return { symbol: "turn", turn: way };
  if (kind === "tilt") return { symbol: "tilt", turn: way };
  if (kind === "move") return { symbol: "arrow", turn: way };
  return null;
}

export function keyframeText(keyframe) {
  const delta = keyframe.delta;
  const seen = delta?.mentions.map((m) => `${m.name} ${m.direction}`).join(", ");
  return [`Keyframe ${keyframe.id}`, moveText(keyframe), seen || delta?.observation]
    .filter(Boolean)
    .join(", ");
}
