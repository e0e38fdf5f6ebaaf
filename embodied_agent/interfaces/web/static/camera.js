// The camera's picture, overlaid with what the keyframer sees in it: each matched point with its
// motion since the last keyframe, and the outline of what that keyframe showed. A new picture is
// fetched when a decision arrives, one at a time, so a slow link shows fewer.

import { $, colours, el, oncePerFrame, prepared, put } from "./dom.js";
import { get } from "./wire.js";
import { count, percent, reasonText } from "./words.js";

// Decisions kept, to find the one for the picture that is shown.
const RECENT = 40;
// Points that map closer to the horizon than this, relative to the depth of the middle, are cut off.
const NEAR_HORIZON = 0.02;
// An overlap with a lower confidence is doubtful.
const DOUBTFUL = 0.5;

export class Camera {
  constructor() {
    this.canvas = $("picture");
    this.recent = [];
    this.bitmap = null;
    this.decision = null;
    this.fetching = false;
    this.wanted = false;
    this.show = { points: true, overlap: true };
    this.draw = oncePerFrame(() => this.render());
    for (const name of ["points", "overlap"]) {
      $(`show-${name}`).addEventListener("click", (event) => {
        this.show[name] = !this.show[name];
        event.currentTarget.setAttribute("aria-pressed", String(this.show[name]));
        this.draw();
      });
    }
    document.addEventListener("visibilitychange", () => this.wanted && this.refresh());
    document.addEventListener("theme", this.draw);
    new ResizeObserver(this.draw).observe($("view"));
  }

  decided(decision) {
    this.recent.push(decision);
    if (this.recent.length > RECENT) this.recent.shift();
    this.refresh();
  }

  away(is) {
    $("view").classList.toggle("away", is);
    if (is) this.asked = false;
  }

  // There is a picture: fetched once for those who come between two decisions.
  exists() {
    if (!this.asked) this.refresh();
  }

  async refresh() {
    this.wanted = true;
    if (this.fetching || document.hidden) return;
    this.fetching = this.asked = true;
    this.wanted = false;
    try {
      const response = await get("/api/camera.jpg", { cache: "no-store", signal: AbortSignal.timeout(10000) });
      const stamp = response.headers.get("x-stamp-ns");
      const bitmap = await createImageBitmap(await response.blob());
      this.bitmap?.close();
      this.bitmap = bitmap;
      // The decision on this very picture; the picture can be newer than the latest decision.
      const exact = stamp === null ? null : this.recent.find((decision) => String(decision.stamp_ns) === stamp);
      this.decision = exact ?? this.recent[this.recent.length - 1] ?? null;
      this.draw();
    } catch (error) {
      if (!error.status && error.name === "InvalidStateError") put($("camera-note"), "the picture could not be decoded");
    } finally {
      this.fetching = false;
    }
    if (this.wanted) this.refresh();
  }

  render() {
    const { bitmap, decision } = this;
    $("camera-empty").hidden = bitmap !== null;
    if (!bitmap) return;
    const view = $("view");
    const fit = Math.min(view.clientWidth / bitmap.width, view.clientHeight / bitmap.height);
    this.canvas.style.width = `${Math.floor(bitmap.width * fit)}px`;
    this.canvas.style.height = `${Math.floor(bitmap.height * fit)}px`;
    const { context, width, height } = prepared(this.canvas);
    context.drawImage(bitmap, 0, 0, width, height);
    const label = decision?.overlap_ratio == null ? "" : `, ${percent(decision.overlap_ratio)} of the last keyframe in view`;
    this.canvas.setAttribute("aria-label", `Camera picture${label}`);
    if (!decision?.width) return;
    context.scale(width / decision.width, height / decision.height);
    const pixel = decision.width / width; // one CSS pixel, in those of the frame
    const colour = colours();
    if (this.show.overlap && decision.homography) drawOverlap(context, decision, pixel, colour);
    if (this.show.points && decision.matched) drawPoints(context, decision.matched, pixel, colour);
  }
}

// Hatched: what is new since the last keyframe. Outlined: what that keyframe showed.
function drawOverlap(context, decision, pixel, colour) {
  const { width, height } = decision;
  const outline = seenBefore(decision.homography, width, height);
  if (!outline) return;
  const path = new Path2D();
  outline.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
  context.save();
  const fresh = new Path2D(path);
  fresh.rect(0, 0, width, height);
  context.clip(fresh, "evenodd");
  context.strokeStyle = colour("draw-new");
  context.lineWidth = 1.2 * pixel;
  context.beginPath();
  for (let x = -height; x < width; x += 9 * pixel) {
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
  }
  context.globalAlpha = 0.55;
  context.stroke();
  context.restore();
  context.lineJoin = "round";
  for (const [style, line] of [["draw-under", 4], ["draw-overlap", 1.8]]) {
    context.strokeStyle = colour(style);
    context.lineWidth = line * pixel;
    context.stroke(path);
  }
}

function drawPoints(context, matched, pixel, colour) {
  const tails = new Path2D();
  const dots = new Path2D();
  for (const [x, y, fromX, fromY] of matched) {
    tails.moveTo(fromX, fromY);
    tails.lineTo(x, y);
    dots.moveTo(x + 2.2 * pixel, y);
    dots.arc(x, y, 2.2 * pixel, 0, 2 * Math.PI);
  }
  context.lineCap = "round";
  context.lineWidth = 3 * pixel;
  context.strokeStyle = colour("draw-under");
  context.stroke(tails);
  context.stroke(dots);
  context.lineWidth = 1.2 * pixel;
  context.strokeStyle = context.fillStyle = colour("draw-points");
  context.stroke(tails);
  context.fill(dots);
}

// The outline of the last keyframe in this frame, as a polygon; null where there is none. Whatever
// would map to its horizon or behind it is cut off first, so that the rest stays convex.
export function seenBefore(homography, width, height) {
  const back = inverse(homography);
  if (!back) return null;
  const map = (x, y) => [0, 3, 6].map((row) => back[row] * x + back[row + 1] * y + back[row + 2]);
  const middle = map(width / 2, height / 2)[2];
  if (!middle) return null;
  const corners = [[0, 0], [width, 0], [width, height], [0, height]].map(([x, y]) => map(x, y).map((v) => v / middle));
  const outline = [];
  corners.forEach((corner, i) => {
    const next = corners[(i + 1) % 4];
    const ahead = corner[2] - NEAR_HORIZON;
    const aheadNext = next[2] - NEAR_HORIZON;
    if (ahead >= 0) outline.push(corner);
    if (ahead >= 0 !== aheadNext >= 0) {
      const share = ahead / (ahead - aheadNext);
      outline.push(corner.map((value, k) => value + share * (next[k] - value)));
    }
  });
  return outline.length < 3 ? null : outline.map(([x, y, w]) => [x / w, y / w]);
}

function inverse([a, b, c, d, e, f, g, h, i]) {
  const cofactors = [e * i - f * h, c * h - b * i, b * f - c * e, f * g - d * i, a * i - c * g, c * d - a * f,
    d * h - e * g, b * g - a * h, a * e - b * d];
  const determinant = a * cofactors[0] + b * cofactors[3] + c * cofactors[6];
  return determinant && Number.isFinite(determinant) ? cofactors.map((value) => value / determinant) : null;
}

// The numbers under the picture.
export class Readouts {
  constructor() {
    this.meter = el("span", { class: "meter", "aria-hidden": "true" }, el("i"));
    this.value = el("span", { class: "value" }, "–");
    $("r-overlap").replaceChildren(this.value, this.meter);
  }

  threshold(value) {
    if (value != null) this.meter.style.setProperty("--limit", value);
    this.limit = value;
  }

  decided(decision) {
    const { overlap_ratio: overlap, confidence } = decision;
    const doubt = confidence !== null && confidence < DOUBTFUL ? ", doubtful" : "";
    put(this.value, overlap === null ? "unknown" : `${percent(overlap)}${doubt}`);
    this.meter.style.setProperty("--share", overlap ?? 0);
    this.meter.classList.toggle("low", overlap !== null && this.limit != null && overlap < this.limit);
    put($("r-matches"), count(decision.matches));
    put($("r-inliers"), count(decision.inliers));
  }

  kept(keyframe) {
    put($("r-verdict"), `#${keyframe.id}, ${reasonText(keyframe.reason)}`);
  }
}
