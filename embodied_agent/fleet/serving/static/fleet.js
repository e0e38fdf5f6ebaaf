// The page of a fleet: robots, a question box, and the shared map. Texts are set as text, never as
// markup: names come from models and people.
const EVERY_MS = 3000;
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function drawn(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function time(seconds) {
  return seconds === null ? "never" : new Date(seconds * 1000).toLocaleString();
}

function counted(number, what) {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function picture(evidence) {
  const figure = element("figure");
  const image = element("img");
  image.loading = "lazy";
  image.alt = evidence.note || `keyframe ${evidence.keyframe_id} of ${evidence.robot}`;
  image.addEventListener("error", () => image.classList.add("missing"));
  image.src = evidence.thumbnail;
  const caption = [evidence.note, `${evidence.robot} #${evidence.keyframe_id}`];
  figure.title = time(evidence.seen_at_s);
  figure.append(image, element("figcaption", "", caption.filter(Boolean).join(" · ")));
  return figure;
}

function pictures(evidence) {
  const row = element("div", "pictures");
  row.append(...evidence.map(picture));
  return row;
}

function factList(facts) {
  const list = element("dl", "facts");
  for (const fact of facts) {
    const value = element("dd", "", fact.value);
    value.title = `noted ${time(fact.noted_at_s)}${fact.by ? ` by ${fact.by}` : ""}`;
    list.append(element("dt", "", fact.name), value);
  }
  return list;
}

function robotItem(robot) {
  const item = element("li");
  item.dataset.robot = robot.name;
  const state = element("span", robot.silent ? "state silent" : "state",
    robot.silent ? "silent" : "connected");
  const told = `last seen ${time(robot.seen_at_s)} · heard of ${time(robot.heard_at_s)} · ` +
    [counted(robot.keyframes, "keyframe"), counted(robot.objects, "object"),
      counted(robot.answers, "answer")].join(", ");
  item.append(state, element("span", "name", robot.name), element("p", "told", told));
  if (robot.facts.length) item.append(factList(robot.facts));
  item.append(pictures(robot.latest));
  return item;
}

let shown = "";

function showRobots(robots) {
  const text = JSON.stringify(robots);
  if (text === shown) return; // pictures would be loaded again
  shown = text;
  byId("count").textContent = counted(robots.length, "robot");
  byId("none").hidden = robots.length > 0;
  byId("robots").replaceChildren(...robots.map(robotItem));
  const chosen = byId("robot").value;
  const options = robots.map((robot) => new Option(robot.name, robot.name));
  byId("robot").replaceChildren(new Option("all robots", ""), ...options);
  byId("robot").value = robots.some((robot) => robot.name === chosen) ? chosen : "";
}

function showMap(overview) {
  const { objects, places } = overview;
  byId("map-section").hidden = overview.common_frames.length === 0;
  const frames = overview.common_frames.join(", ");
  const part = overview.truncated ? "the latest " : "";
  byId("map-note").textContent = `Frame ${frames}, in metres: ` +
    `${part}${counted(objects.length, "object")} of all robots, ${counted(places.length, "named place")}.`;
  const points = [...objects.map((o) => [o.x_m, o.y_m]),
    ...places.flatMap((p) => (p.region.length ? p.region : [[p.x_m, p.y_m]]))];
  if (!points.length) {
    byId("map").replaceChildren();
    return;
  }
  const xs = points.map((p) => p[0]);
  const ys = points.map((p) => p[1]);
  const least = [Math.min(...xs), Math.min(...ys)];
  const size = Math.max(Math.max(...xs) - least[0], Math.max(...ys) - least[1], 1);
  const unit = size / 100;
  const height = Math.max(Math.max(...ys) - least[1], size / 4);
  const at = (x, y) => [x - least[0], height - (y - least[1])]; // y is upward on the map
  const svg = byId("map");
  svg.setAttribute("viewBox", [-6 * unit, -6 * unit, size + 24 * unit, height + 12 * unit].join(" "));
  const shapes = places.map((place) => {
    const group = drawn("g", {});
    const [x, y] = at(place.x_m, place.y_m);
    if (place.region.length) {
      const corners = place.region.map(([a, b]) => at(a, b).join(",")).join(" ");
      group.append(drawn("polygon", { class: "place", points: corners, "stroke-width": unit / 4 }));
    } else {
      group.append(drawn("circle", { class: "place", cx: x, cy: y, r: 2 * unit }));
    }
    group.append(drawn("text", { x, y, "font-size": 3 * unit, "text-anchor": "middle" }, place.name));
    return group;
  });
  const dots = objects.map((one) => {
    const group = drawn("g", {});
    const [x, y] = at(one.x_m, one.y_m);
    const kind = one.gone ? "object gone" : "object";
    group.append(drawn("circle", { class: kind, cx: x, cy: y, r: unit, "stroke-width": unit / 4 }));
    group.append(drawn("title", {}, `${one.name}, seen by ${one.robot}${one.gone ? ", gone" : ""}`));
    if (objects.length <= 60) {
      group.append(drawn("text", { x: x + 1.5 * unit, y: y + unit, "font-size": 2.5 * unit }, one.name));
    }
    return group;
  });
  svg.replaceChildren(...shapes, ...dots);
}

function setLink(state, text) {
  byId("link").dataset.state = state;
  byId("link").textContent = text;
}

async function refresh() {
  try {
    const response = await fetch("/api/overview");
    const reply = await response.json();
    if (!response.ok) throw new Error(reply.error.message);
    showRobots(reply.robots);
    showMap(reply);
    setLink("ok", "connected");
  } catch (error) {
    setLink("down", `not up to date: ${error.message}`);
  }
  setTimeout(refresh, EVERY_MS);
}

async function ask(event) {
  event.preventDefault();
  const answer = byId("answer");
  answer.replaceChildren(element("p", "status", "asking …"));
  try {
    const body = { question: byId("question").value.trim(), robot: byId("robot").value };
    const response = await fetch("/api/ask", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const reply = await response.json();
    if (!response.ok) throw new Error(reply.error.message);
    const text = element("p", "", reply.text);
    text.dataset.status = reply.status;
    const status = element("p", "status", reply.status.replaceAll("_", " "));
    answer.replaceChildren(status, text, pictures(reply.evidence));
  } catch (error) {
    answer.replaceChildren(element("p", "status", `There is no answer: ${error.message}`));
  }
}

byId("ask").addEventListener("submit", ask);
refresh();
