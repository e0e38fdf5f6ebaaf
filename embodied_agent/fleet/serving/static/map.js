// The shared map: objects and named places of all robots, and where the robots are.
//
// What several robots noted of one thing is drawn once. A label that would cover another is left
// out; every mark has its name as a tooltip.
const SVG = "http://www.w3.org/2000/svg";
// Size of text and of marks, and the greatest height of the map, in pixels.
const FONT_PX = 11.5, MARK_PX = 4.5, HEIGHT_PX = 460;
// Mean width of a letter, plain and bold, relative to the size of the text.
const LETTER = 0.56, BOLD = 0.64;
// Around the outermost points, and within what objects of one name count as one thing, relative to
// the map's size.
const MARGIN = 0.07, NEAR = 0.05;

function drawn(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Objects of one name that lie together, with the names of the robots that noted them.
function things(objects, near) {
  const groups = [];
  for (const one of objects) {
    const group = groups.find((other) => other.name === one.name && other.gone === one.gone &&
      Math.hypot(other.x - one.x_m, other.y - one.y_m) <= near);
    if (group) {
      group.robots.push(one.robot);
      group.x += (one.x_m - group.x) / group.robots.length;
      group.y += (one.y_m - group.y) / group.robots.length;
    } else {
      groups.push({ name: one.name, gone: one.gone, x: one.x_m, y: one.y_m, robots: [one.robot] });
    }
  }
  return groups.sort((one, other) => other.robots.length - one.robots.length);
}

function overlap(one, other) {
  return one.left < other.right && other.left < one.right &&
    one.top < other.bottom && other.top < one.bottom;
}

// Places labels beside their marks, without one over another, and within `bounds`.
class Labels {
  constructor(unit, size, bounds) {
    this.unit = unit;
    this.size = size;
    this.bounds = bounds;
    this.taken = [];
  }

  take(x, y, radius) {
    this.taken.push({ left: x - radius, right: x + radius, top: y - radius, bottom: y + radius });
  }

  // The label of a mark at x, y; null if there is no room for it.
  beside(text, x, y, className, letter = LETTER) {
    const { size, unit } = this;
    const width = text.length * letter * size;
    const gap = 1.6 * unit, over = y - 1.2 * unit, under = y + 1.2 * unit + 0.7 * size;
    const spots = [
      [x + gap, y + 0.35 * size, "start"], [x - gap, y + 0.35 * size, "end"],
      [x, y - gap, "middle"], [x, y + gap + 0.7 * size, "middle"],
      [x + unit, over, "start"], [x + unit, under, "start"],
      [x - unit, over, "end"], [x - unit, under, "end"],
    ];
    for (const [left, base, anchor] of spots) {
      const shift = { start: 0, end: width, middle: width / 2 }[anchor];
      const box = { left: left - shift, right: left - shift + width, top: base - 0.8 * size, bottom: base + 0.25 * size };
      const inside = box.left >= this.bounds.left && box.right <= this.bounds.right &&
        box.top >= this.bounds.top && box.bottom <= this.bounds.bottom;
      if (!inside || this.taken.some((other) => overlap(box, other))) continue;
      this.taken.push(box);
      return drawn("text", { class: className, x: left, y: base, "font-size": size, "text-anchor": anchor }, text);
    }
    return null;
  }
}

function names(robots) {
  const all = [...new Set(robots)];
  return all.length > 6 ? `${all.slice(0, 6).join(", ")} and ${all.length - 6} more` : all.join(", ");
}

// A bar of a round length, at the lower left.
function scale(unit, size, bounds) {
  const most = (bounds.right - bounds.left) / 5;
  const least = 10 ** Math.floor(Math.log10(most));
  const length = [5, 2, 1].map((factor) => factor * least).find((metres) => metres <= most);
  const x = bounds.left + 2 * unit, y = bounds.bottom - 2 * unit;
  const line = drawn("path", {
    class: "scale", "stroke-width": unit / 4, d: `M${x} ${y - unit}v${unit}h${length}v${-unit}`,
  });
  const text = drawn("text", { class: "scale-text", x: x + length + unit, y, "font-size": size }, `${length} m`);
  return { marks: [line, text], box: { left: x, right: x + length + 4 * size, top: y - size, bottom: y + unit } };
}

function placeMark(place, at, unit, labels) {
  const group = drawn("g", {});
  const [x, y] = at(place.x_m, place.y_m);
  group.append(drawn("title", {}, `${place.name}, named on ${place.robot}`));
  let label;
  if (place.region.length) {
    const corners = place.region.map(([a, b]) => at(a, b));
    group.append(drawn("polygon", { class: "place", points: corners.map((c) => c.join(",")).join(" "), "stroke-width": unit / 4 }));
    const left = Math.min(...corners.map((c) => c[0])), top = Math.min(...corners.map((c) => c[1]));
    label = labels.beside(place.name, left - 0.8 * unit, top + 0.9 * labels.size, "place-name");
  } else {
    group.append(drawn("circle", { class: "place", cx: x, cy: y, r: 2 * unit, "stroke-width": unit / 4 }));
    label = labels.beside(place.name, x, y, "place-name");
  }
  return { group, label };
}

// The marks of a map that is `widthPx` pixels wide, and the part of the frame that it shows; null if
// nothing has a position.
export function mapMarks(overview, widthPx) {
  const { objects, places } = overview;
  const robots = overview.robots.filter((robot) =>
    robot.x_m !== null && overview.common_frames.includes(robot.frame_id));
  robots.sort((one, other) => other.silent - one.silent); // their labels come first
  const points = [...objects, ...robots].map((one) => [one.x_m, one.y_m]);
  for (const place of places) points.push(...(place.region.length ? place.region : [[place.x_m, place.y_m]]));
  if (!points.length) return null;
  const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  const [left, top] = [Math.min(...xs), Math.max(...ys)];
  const [width, height] = [Math.max(...xs) - left, top - Math.min(...ys)];
  const span = Math.max(width, height, 1);
  const at = (x, y) => [x - left, top - y]; // y is upward on the map
  // As wide as there is room for, because labels stand beside their marks.
  const high = Math.max(height, span / 4) + 2.5 * MARGIN * span;
  const wide = Math.max(width + 4 * MARGIN * span, high * widthPx / HEIGHT_PX);
  const bounds = { left: (width - wide) / 2, right: (width + wide) / 2, top: -MARGIN * span, bottom: high - MARGIN * span };
  const pixel = wide / widthPx;
  const unit = MARK_PX * pixel, size = FONT_PX * pixel;
  const labels = new Labels(unit, size, bounds);
  const bar = scale(unit, size, bounds);
  labels.taken.push(bar.box);
  const groups = things(objects, NEAR * span);
  for (const one of groups) labels.take(...at(one.x, one.y), unit);
  for (const one of robots) labels.take(...at(one.x_m, one.y_m), 1.3 * unit);
  const shapes = [], texts = [];
  for (const place of places) {
    const { group, label } = placeMark(place, at, unit, labels);
    shapes.push(group);
    if (label) texts.push(label);
  }
  for (const one of groups) {
    const [x, y] = at(one.x, one.y);
    const group = drawn("g", {});
    group.append(
      drawn("circle", { class: one.gone ? "object gone" : "object", cx: x, cy: y, r: unit, "stroke-width": unit / 4 }),
      drawn("title", {}, `${one.name}${one.gone ? ", gone" : ""}: ${names(one.robots)}`),
    );
    shapes.push(group);
    texts.push(labels.beside(one.name, x, y, one.gone ? "object-name gone-name" : "object-name"));
  }
  const diamonds = [];
  for (const robot of robots) {
    const [x, y] = at(robot.x_m, robot.y_m);
    const group = drawn("g", {});
    const kind = robot.silent ? "robot silent" : "robot";
    group.append(
      drawn("path", { class: kind, d: `M${x} ${y - 1.4 * unit}l${1.4 * unit} ${1.4 * unit}l${-1.4 * unit} ${1.4 * unit}l${-1.4 * unit} ${-1.4 * unit}z`, "stroke-width": unit / 4 }),
      drawn("title", {}, `${robot.name}${robot.silent ? ", silent" : ""}: its latest keyframe`),
    );
    diamonds.unshift(group); // so that the silent ones are on top
    texts.push(labels.beside(robot.name, x, y, `robot-name${robot.silent ? " silent-name" : ""}`, BOLD));
  }
  const view = [bounds.left, bounds.top, bounds.right - bounds.left, bounds.bottom - bounds.top];
  return { marks: [...shapes, ...diamonds, ...bar.marks, ...texts.filter(Boolean)], view, count: groups.length };
}
