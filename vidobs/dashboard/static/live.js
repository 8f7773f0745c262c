// Follows the stream of changes and puts in fresh parts of the page: every element with `data-live`
// is replaced by the one with the same id in the page as the server makes it now.

const PAUSE_MS = 1500; // between two looks at the page, whatever the stream says
const was = new Map(); // id -> the HTML that was put in last

export function follow(replaced) {
  const { root, version } = document.body.dataset;
  if (!document.querySelector("[data-live]") || !window.EventSource) return;
  const stream = new EventSource(`${root}/api/live?version=${version}`);
  let waiting = false;
  let busy = false;

  const refresh = async () => {
    if (busy || document.hidden) {
      waiting = true;
      return;
    }
    busy = true;
    waiting = false;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) replaced(replace(new DOMParser().parseFromString(await answer.text(), "text/html")));
    } catch {
      say("lost"); // the stream tries again by itself
    }
    await new Promise((done) => setTimeout(done, PAUSE_MS));
    busy = false;
    if (waiting) refresh();
  };

  stream.addEventListener("open", () => say("on"));
  stream.addEventListener("error", () => say("lost"));
  stream.addEventListener("change", refresh);
  const every = Number(document.querySelector("[data-every]")?.dataset.every);
  if (every) setInterval(refresh, every * 1000); // what changes without a job, such as deliveries
  document.addEventListener("visibilitychange", () => waiting && refresh());
}

// Returns what was put in, to be searched like one element.
function replace(fresh) {
  const put = [];
  for (const old of document.querySelectorAll("[data-live]")) {
    const made = fresh.getElementById(old.id);
    if (!made || made.outerHTML === was.get(old.id) || old.contains(playing())) continue;
    was.set(old.id, made.outerHTML);
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    mark(old, made);
    unfold(old, made);
    old.replaceWith(made);
    if (focused) document.getElementById(focused)?.focus();
    put.push(made);
  }
  return { querySelectorAll: (selector) => put.flatMap((one) => [...one.querySelectorAll(selector)]) };
}

// Rows that were not there before light up for a moment.
function mark(old, made) {
  const known = new Set([...old.querySelectorAll("tr[id]")].map((row) => row.id));
  if (known.size === 0) return;
  for (const row of made.querySelectorAll("tr[id]")) if (!known.has(row.id)) row.classList.add("fresh");
}

// What somebody has opened stays open.
function unfold(old, made) {
  const folds = [...old.querySelectorAll("details")];
  [...made.querySelectorAll("details")].forEach((fold, place) => {
    if (folds[place]) fold.open = folds[place].open;
  });
}

function playing() {
  return [...document.querySelectorAll("video")].find((video) => !video.paused && !video.ended) ?? null;
}

function say(state) {
  const sign = document.getElementById("live");
  if (!sign || sign.dataset.state === state) return;
  sign.dataset.state = state;
  sign.firstElementChild.textContent = `Live updates: ${state}`;
}
