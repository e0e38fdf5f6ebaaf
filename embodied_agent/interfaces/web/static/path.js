// The map: x to the right, y up, both axes at the same scale, in metres. Keyframes are dots and objects
// are diamonds, which open; the arrow is where the camera is now. One segment is drawn at a time, as
// each has a frame of reference of its own. Drawn on a canvas, so thousands of dots stay cheap.

import { $, colours, oncePerFrame, prepared, put } from "./dom.js";
import { placedLabels } from "./labels.js";
import { getJson } from "./wire.js";
import { plural } from "./words.js";

const MOST = 20000;
const TRAIL = 3000;
const MARGIN = 26;
// The map is at least this wide, in metres, so that standing still doesn't magnify noise.
const LEAST_M = 2;
// How near a click must be to a dot, in pixels.
const REACH = 22;

export class Path {
  // `open` shows a keyframe, `openThing` an object.
  constructor(open, openThing) {
    this.open = open;
    this.openThing = openThing;
    this.canvas = $("path");
    this.clear();
    this.draw = oncePerFrame(() => this.render());
    this.canvas.addEventListener("click", (event) => {
      const hit = this.nearest(event.offsetX, event.offsetY);
      if (hit?.thing) this.openThing(hit.thing.id);
      else if (hit) this.open(hit.keyframe_id);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const hit = this.nearest(event.offsetX, event.offsetY);
      this.canvas.style.cursor = hit ? "pointer" : "";
      this.canvas.title = hit?.thing ? thingTitle(hit.thing) : "";
      this.hover(hit?.keyframe_id ?? null);
    });
    this.canvas.addEventListener("pointerleave", () => this.hover(null));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("focus", this.draw);
    this.canvas.addEventListener("blur", this.draw);
    document.addEventListener("theme", this.draw);
    new ResizeObserver(this.draw).observe($("map"));
  }

  clear() {
    this.points = [];
    this.trail = [];
    this.now = null;
    this.marked = new Set();
    this.selected = this.hovered = this.opened = null;
    this.placed = [];
    this.placedThings = [];
    this.lists = null;
  }

  // Objects and named places; `lists` gives those of a segment.
  populate(lists) {
    this.lists = lists;
    this.draw();
  }

  async reload() {
    const reply = await getJson("/api/path");
    const last = reply.points[reply.points.length - 1]?.keyframe_id ?? -1;
    // Some may have come as events meanwhile.
    this.points = [...reply.points, ...this.points.filter((point) => point.keyframe_id > last)];
    this.draw();
  }

  kept({ id, segment, pose }) {
    if (!pose || this.points.some((point) => point.keyframe_id === id)) return;
    const [x, y, z] = pose.position_m;
    this.points.push({ keyframe_id: id, segment, x_m: x, y_m: y, z_m: z, yaw_rad: heading(pose) });
    if (this.points.length > MOST) this.points.splice(0, this.points.length - MOST);
    this.draw();
  }

  decided({ pose, segment }) {
    if (!pose) return;
    const [x, y] = pose.position_m;
    this.now = { x, y, yaw: heading(pose), segment };
    this.trail.push(this.now);
    if (this.trail.length > TRAIL) this.trail.splice(0, TRAIL / 10);
    this.draw();
  }

  // The keyframes that the last answer rests on.
  cite(ids) {
    this.marked = new Set(ids);
    this.draw();
  }

  show(id) {
    this.opened = id;
    this.draw();
  }

  hover(id) {
    if (this.hovered === id) return;
    this.hovered = id;
    this.draw();
  }

  // The segment drawn: that of the keyframe that is open, else the newest.
  shown() {
    const open = this.points.find((point) => point.keyframe_id === this.opened);
    const segment = open?.segment ?? this.now?.segment ?? this.points[this.points.length - 1]?.segment;
    return {
      segment,
      points: this.points.filter((point) => point.segment === segment),
      trail: this.trail.filter((point) => point.segment === segment),
      now: this.now?.segment === segment ? this.now : null,
    };
  }

  render() {
    const { segment, points, trail, now } = this.shown();
    const none = !points.length && !now;
    $("path-empty").hidden = !none;
    this.canvas.hidden = none;
    const several = new Set(this.points.map((point) => point.segment)).size > 1;
    put($("path-note"), none ? "" : several ? `segment ${segment}` : "");
    if (none) return;
    const chosen = this.selected === null ? plural(points.length, "keyframe") : `keyframe ${this.selected} selected`;
    this.canvas.setAttribute("aria-label", `Map, ${chosen}`);
    const { context, width, height } = prepared(this.canvas);
    const colour = colours();
    const { things, places } = this.lists?.onMap(segment) ?? { things: [], places: [] };
    const view = fitted([
      ...points.map((p) => [p.x_m, p.y_m]),
      ...trail.map((p) => [p.x, p.y]),
      ...things.map((one) => one.position),
      ...places.map((place) => place.at),
    ], width, height);
    this.placedThings = things.map((thing) => ({ thing, at: view.at(...thing.position) }));
    this.placed = points.map((point) => ({ ...point, at: view.at(point.x_m, point.y_m) }));
    const font = getComputedStyle(this.canvas);
    const size = parseFloat(font.fontSize);
    context.font = `${size}px ${font.fontFamily}`;
    grid(context, view, width, height, colour);
    this.line(context, trail.map((p) => view.at(p.x, p.y)), colour("trail"), 1.2);
    this.line(context, this.placed.map((point) => point.at), colour("soft"), 1.2, [3, 4]);
    this.dots(context, colour);
    drawThings(context, this.placedThings, view, colour);
    const pins = places.map((place) => ({ text: place.name, at: view.at(...place.at) }));
    for (const { at } of pins) pin(context, at, colour);
    this.labels(context, width, height - 1.6 * size, size, colour, pins); // the scale is below
    if (now) arrow(context, view.at(now.x, now.y), now.yaw, colour);
    scaleBar(context, view, height, colour);
  }

  line(context, places, style, width, dash = []) {
    context.beginPath();
    places.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.strokeStyle = style;
    context.lineWidth = width;
    context.lineJoin = "round";
    context.setLineDash(dash);
    context.stroke();
    context.setLineDash([]);
  }

  dots(context, colour) {
    const focused = this.focused();
    for (const point of this.placed) {
      const [x, y] = point.at;
      const id = point.keyframe_id;
      const strong = this.strong(id);
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + 9 * Math.cos(point.yaw_rad), y - 9 * Math.sin(point.yaw_rad));
      context.strokeStyle = colour(strong ? "accent" : "soft");
      context.lineWidth = 1.4;
      context.stroke();
      context.beginPath();
      context.arc(x, y, strong ? 5.5 : 3.5, 0, 2 * Math.PI);
      context.fillStyle = colour(strong ? "accent" : "card");
      context.fill();
      context.strokeStyle = colour("accent");
      context.lineWidth = 1.6;
      context.stroke();
      if (id === focused) {
        context.beginPath();
        context.arc(x, y, 9, 0, 2 * Math.PI);
        context.stroke();
      }
    }
  }

  focused() {
    return document.activeElement === this.canvas ? this.selected : null;
  }

  // Whether a keyframe stands out: cited, open, pointed at, or chosen by the keyboard.
  strong(id) {
    return this.marked.has(id) || [this.opened, this.hovered, this.focused()].includes(id);
  }

  labels(context, width, height, size, colour, pins) {
    const named = [...pins, ...this.placedThings.map(({ thing, at }) => ({ text: thing.name, at }))];
    const dots = this.placed.map(({ keyframe_id: id, at }) => ({ id, at, strong: this.strong(id) }));
    const measure = (text) => context.measureText(text).width;
    for (const { text, x, y } of placedLabels(dots, width, height, size, measure, named)) label(context, text, x, y, colour);
  }

  nearest(x, y) {
    let best = null;
    let least = REACH;
    for (const point of [...this.placed, ...this.placedThings]) {
      const apart = Math.hypot(point.at[0] - x, point.at[1] - y);
      if (apart < least) [best, least] = [point, apart];
    }
    return best;
  }

  key(event) {
    if (!this.placed.length) return;
    const at = this.placed.findIndex((point) => point.keyframe_id === this.selected);
    const last = this.placed.length - 1;
    if (event.key === "ArrowLeft") this.select(at < 0 ? last : Math.max(0, at - 1));
    else if (event.key === "ArrowRight") this.select(at < 0 ? last : Math.min(last, at + 1));
    else if (event.key === "Enter" || event.key === " ") this.open(this.placed[Math.max(0, at < 0 ? last : at)].keyframe_id);
    else return;
    event.preventDefault();
  }

  select(at) {
    this.selected = this.placed[at].keyframe_id;
    this.draw();
  }
}

function heading({ orientation_xyzw: [x, y, z, w] }) {
  return Math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z));
}

// The scale, the same for both axes, at which all places fit, centred.
export function fitted(places, width, height) {
  const xs = places.map(([x]) => x);
  const ys = places.map(([, y]) => y);
  const [x0, x1, y0, y1] = [least(xs), -least(xs.map((x) => -x)), least(ys), -least(ys.map((y) => -y))];
  const scale = Math.min(
    (width - 2 * MARGIN) / Math.max(LEAST_M, x1 - x0),
    (height - 2 * MARGIN - 12) / Math.max(LEAST_M, y1 - y0),
  );
  const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
  return { scale, cx, cy, at: (x, y) => [width / 2 + (x - cx) * scale, (height - 12) / 2 - (y - cy) * scale] };
}

const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);

// The largest round length up to this one.
function roundLength(metres) {
  const ten = 10 ** Math.floor(Math.log10(metres));
  return [5, 2, 1].map((n) => n * ten).find((length) => length <= metres) ?? ten;
}

function grid(context, view, width, height, colour) {
  const every = roundLength(Math.max(LEAST_M / 4, width / view.scale / 5)) * view.scale;
  const [ox, oy] = view.at(0, 0);
  context.strokeStyle = colour("grid");
  context.lineWidth = 1;
  context.beginPath();
  for (let x = ((ox % every) + every) % every; x < width; x += every) {
    context.moveTo(Math.round(x) + 0.5, 0);
    context.lineTo(Math.round(x) + 0.5, height);
  }
  for (let y = ((oy % every) + every) % every; y < height; y += every) {
    context.moveTo(0, Math.round(y) + 0.5);
    context.lineTo(width, Math.round(y) + 0.5);
  }
  context.stroke();
}

function scaleBar(context, view, height, colour) {
  const metres = roundLength(110 / view.scale);
  const [x, y, long] = [12.5, height - 10.5, metres * view.scale];
  context.strokeStyle = colour("ink");
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x, y - 4);
  context.lineTo(x, y);
  context.lineTo(x + long, y);
  context.lineTo(x + long, y - 4);
  context.stroke();
  label(context, metres < 1 ? `${metres * 100} cm` : metres < 1000 ? `${metres} m` : `${metres / 1000} km`, x + long + 7, y + 1, colour);
}

// Objects as diamonds in a disc as large as their standard deviation; hollow once they are gone.
function drawThings(context, placed, view, colour) {
  for (const { thing, at: [x, y] } of placed) {
    const radius = Math.min(60, (thing.std_m ?? 0) * view.scale);
    if (radius > 6) {
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.globalAlpha = 0.12;
      context.fillStyle = colour("thing");
      context.fill();
      context.globalAlpha = 1;
    }
    context.beginPath();
    context.moveTo(x, y - 6);
    context.lineTo(x + 6, y);
    context.lineTo(x, y + 6);
    context.lineTo(x - 6, y);
    context.closePath();
    context.fillStyle = colour(thing.gone_since_ns === null ? "thing" : "card");
    context.fill();
    context.strokeStyle = colour("thing");
    context.lineWidth = 1.6;
    context.stroke();
  }
}

function pin(context, [x, y], colour) {
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x - 5, y - 10);
  context.arc(x, y - 12, 5, Math.PI, 0);
  context.closePath();
  context.fillStyle = colour("warn");
  context.fill();
}

function thingTitle({ name, position, std_m: std, seen, gone_since_ns: gone }) {
  const where = position.map((metres) => metres.toFixed(1)).join(", ");
  const sure = std === null ? "" : ` ± ${std.toFixed(1)}`;
  return `${name}: (${where}) m${sure}, seen in ${plural(seen, "keyframe")}${gone === null ? "" : ", no longer there"}`;
}

function arrow(context, [x, y], yaw, colour) {
  context.save();
  context.translate(x, y);
  context.rotate(-yaw);
  context.beginPath();
  context.moveTo(11, 0);
  context.lineTo(-7, 6.5);
  context.lineTo(-3.5, 0);
  context.lineTo(-7, -6.5);
  context.closePath();
  context.lineWidth = 3;
  context.strokeStyle = colour("card");
  context.stroke();
  context.fillStyle = colour("good");
  context.fill();
  context.restore();
}

function label(context, text, x, y, colour) {
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeStyle = colour("card");
  context.strokeText(text, x, y);
  context.fillStyle = colour("ink");
  context.fillText(text, x, y);
}
