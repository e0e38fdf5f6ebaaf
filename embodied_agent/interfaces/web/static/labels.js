// Where labels go beside the dots of a map, so that none covers another. Pure functions.
// Out of scope: drawing them.

// Dots nearer than this share a label, in pixels.
const TOGETHER = 12;
const SQUARE = 32;
const DOT = 5;
// Ranges of ids that one label names at most.
const RANGES = 3;

// "3, 19–21" for [3, 19, 20, 21].
export function idsText(ids) {
  const ranges = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const last = ranges[ranges.length - 1];
    if (last && id <= last[1] + 1) last[1] = id;
    else ranges.push([id, id]);
  }
  const texts = ranges.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`));
  return texts.length > RANGES ? `${texts.slice(0, RANGES).join(", ")}, …` : texts.join(", ");
}

// Labels for `dots` ({id, at: [x, y], strong}) on a map of `width` by `height` pixels, with text of
// `size` pixels whose width `measure` gives. Strong dots come first, then what is `named` ({text, at}),
// then the newest dot and the oldest. Each label: text, and the left end `x` of its base line `y`.
// What finds no room gets none.
export function placedLabels(dots, width, height, size, measure, named = []) {
  const taken = new Taken();
  const clusters = clustered(dots);
  for (const { at: [x, y] } of [...clusters, ...named]) taken.add([x - DOT, y - DOT, x + DOT, y + DOT]);
  const labels = [];
  const last = clusters.length - 1;
  const rank = (cluster, i) => (cluster.strong ? 0 : i === last ? 1 : i === 0 ? 2 : 3);
  const order = [
    ...clusters.map((cluster, i) => ({ rank: rank(cluster, i), at: cluster.at, text: idsText(cluster.ids) })),
    ...named.map(({ text, at }) => ({ rank: 0.5, at, text })),
  ].sort((a, b) => a.rank - b.rank); // stable: in order of ids
  for (const { at, text } of order) {
    const long = measure(text);
    const box = places(at, long, size).find((place) =>
      place[0] >= 0 && place[1] >= 0 && place[2] <= width && place[3] <= height && !taken.overlaps(place));
    if (!box) continue;
    taken.add(box);
    labels.push({ text, x: box[0], y: box[3] - 0.2 * size, box });
  }
  return labels;
}

// Dots that lie on each other, as one: a camera that turns takes several keyframes in one place.
function clustered(dots) {
  const clusters = [];
  const byCell = new Map();
  for (const { id, at, strong } of dots) {
    const cell = at.map((value) => Math.round(value / TOGETHER));
    const key = cell.join();
    const cluster = byCell.get(key);
    if (!cluster) {
      const added = { at, ids: [id], strong };
      byCell.set(key, added);
      clusters.push(added);
    } else if (strong && !cluster.strong) {
      Object.assign(cluster, { at, ids: [id], strong }); // the marked ones are what it is about
    } else if (strong === cluster.strong) {
      cluster.ids.push(id);
    }
  }
  return clusters;
}

// Boxes beside a dot, the preferred ones first: left, top, right, bottom.
function places([x, y], long, size) {
  const gap = DOT + 3;
  const boxes = [];
  for (const left of [x + gap, x - gap - long, x - long / 2]) {
    const beside = left !== x - long / 2;
    for (const top of beside ? [y - size - 2, y - size / 2, y + 2] : [y - gap - size, y + gap]) {
      boxes.push([left, top, left + long, top + size]);
    }
  }
  return boxes;
}

// Boxes that are taken, by the squares of the map that they touch: looking one up costs the same
// however many there are.
class Taken {
  constructor() {
    this.squares = new Map();
  }

  add(box) {
    for (const key of squares(box)) {
      const boxes = this.squares.get(key);
      if (boxes) boxes.push(box);
      else this.squares.set(key, [box]);
    }
  }

  overlaps(box) {
    for (const key of squares(box)) {
      for (const other of this.squares.get(key) ?? []) {
        if (box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]) return true;
      }
    }
    return false;
  }
}

function* squares([left, top, right, bottom]) {
  for (let x = Math.floor(left / SQUARE); x <= Math.floor(right / SQUARE); x++) {
    for (let y = Math.floor(top / SQUARE); y <= Math.floor(bottom / SQUARE); y++) yield x * 100003 + y;
  }
}
