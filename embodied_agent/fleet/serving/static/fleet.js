// The page of a fleet: robots, a question box, and the shared map. Texts are set as text, never as
// markup: names come from models and people.
import { mapMarks } from "/static/map.js";

const EVERY_MS = 3000;
const byId = (id) => document.getElementById(id);

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function time(seconds) {
  return seconds === null ? "never" : new Date(seconds * 1000).toLocaleString();
}

// The time of day, and the day where it is not today.
function clock(seconds) {
  const moment = new Date(seconds * 1000);
  const day = moment.toDateString() === new Date().toDateString() ? "" : `${moment.toLocaleDateString()} `;
  return day + moment.toLocaleTimeString(undefined, { hour12: false });
}

// How far the server's clock is ahead of this one, in milliseconds.
let ahead = 0;

function age(seconds) {
  const passed = Math.max((Date.now() + ahead) / 1000 - seconds, 0);
  if (passed < 5) return "just now";
  if (passed < 60) return `${Math.floor(passed)} s ago`;
  if (passed < 3600) return `${Math.floor(passed / 60)} min ago`;
  if (passed < 48 * 3600) return `${Math.floor(passed / 3600)} h ago`;
  return `${Math.floor(passed / 86400)} days ago`;
}

function aged(seconds) {
  const made = element("time", "", age(seconds));
  made.dataset.at = seconds;
  made.title = time(seconds);
  return made;
}

function showAges() {
  for (const one of document.querySelectorAll("time")) one.textContent = age(Number(one.dataset.at));
}

function counted(number, what) {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function picture(evidence, caption) {
  const figure = element("figure");
  const image = element("img");
  image.loading = "lazy";
  image.alt = evidence.note || `keyframe ${evidence.keyframe_id} of ${evidence.robot}`;
  image.addEventListener("error", () => image.classList.add("missing"));
  image.src = evidence.thumbnail;
  figure.title = time(evidence.seen_at_s);
  figure.append(image, element("figcaption", "", caption));
  return figure;
}

function pictures(evidence, caption) {
  const row = element("div", "pictures");
  row.append(...evidence.map((one) => picture(one, caption(one))));
  return row;
}

function ofAnswer(one) {
  return [one.note, `${one.robot} #${one.keyframe_id}`, clock(one.seen_at_s)].filter(Boolean).join(" · ");
}

function factList(facts) {
  const list = element("dl", "facts");
  for (const fact of facts) {
    const value = element("dd", "", fact.value);
    value.title = `noted ${time(fact.noted_at_s)}${fact.by ? ` by ${fact.by}` : ""}`;
    const pair = element("div");
    pair.append(element("dt", "", fact.name), value);
    list.append(pair);
  }
  return list;
}

function robotItem(robot) {
  const item = element("li", robot.silent ? "silent" : "");
  item.dataset.robot = robot.name;
  const state = element("span", "state", robot.silent ? "silent, heard " : "heard ");
  state.append(aged(robot.heard_at_s));
  const counts = [counted(robot.keyframes, "keyframe")];
  if (robot.objects) counts.push(counted(robot.objects, "object"));
  if (robot.answers) counts.push(counted(robot.answers, "answer"));
  const told = element("p", "told", counts.join(", "));
  if (robot.seen_at_s !== null) told.append(", the latest ", aged(robot.seen_at_s));
  const head = element("div", "head");
  head.append(element("span", "name", robot.name), state);
  item.append(head, told);
  if (robot.facts.length) item.append(factList(robot.facts));
  item.append(robot.latest.length
    ? pictures(robot.latest, (one) => `#${one.keyframe_id} ${clock(one.seen_at_s)}`)
    : element("p", "told", "It has not sent a keyframe yet."));
  return item;
}

let shown = "";

function showRobots(robots) {
  const text = JSON.stringify(robots);
  if (text === shown) return; // pictures would be loaded again
  shown = text;
  const silent = robots.filter((robot) => robot.silent).length;
  byId("count").textContent = counted(robots.length, "robot") + (silent ? `, ${silent} silent` : "");
  byId("none").hidden = robots.length > 0;
  byId("robots").replaceChildren(...robots.map(robotItem));
  const chosen = byId("robot").value;
  const options = robots.map((robot) => new Option(robot.name, robot.name));
  byId("robot").replaceChildren(new Option("all robots", ""), ...options);
  byId("robot").value = robots.some((robot) => robot.name === chosen) ? chosen : "";
}

let mapped = "";

function showMap(overview) {
  byId("map-section").hidden = overview.common_frames.length === 0;
  const width = byId("map-section").clientWidth - 32;
  const text = JSON.stringify([width, overview]);
  if (text === mapped || width <= 0) return;
  mapped = text;
  const { objects, places } = overview;
  const frames = overview.common_frames.join(", ");
  const map = mapMarks(overview, width);
  for (const id of ["map", "map-key"]) byId(id).toggleAttribute("hidden", map === null);
  if (map === null) {
    byId("map-note").textContent = `Nothing in the frame ${frames} has a position yet.`;
    return;
  }
  const part = overview.truncated ? "the latest " : "";
  const objectCount = `${part}${counted(objects.length, "object")} of all robots`;
  const drawnAs = map.count < objects.length ? `, drawn as ${counted(map.count, "thing")}` : "";
  byId("map-note").textContent =
    `Frame ${frames}: ${objectCount}${drawnAs}; ${counted(places.length, "named place")}.`;
  byId("map").setAttribute("viewBox", map.view.join(" "));
  byId("map").replaceChildren(...map.marks);
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
    const said = Date.parse(response.headers.get("Date") ?? "");
    // The header has whole seconds.
    if (Math.abs(said - Date.now()) > 2000) ahead = said - Date.now();
    showRobots(reply.robots);
    showMap(reply);
    showAges();
    setLink("ok", "up to date");
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
    answer.replaceChildren(status, text, pictures(reply.evidence, ofAnswer));
  } catch (error) {
    answer.replaceChildren(element("p", "status", `There is no answer: ${error.message}`));
  }
}

byId("ask").addEventListener("submit", ask);
refresh();
