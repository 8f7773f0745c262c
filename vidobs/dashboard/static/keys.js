// Keys: `/` finds, `j` and `k` (or the arrows) walk through rows, Enter opens one, `g` and a letter
// goes to a page.

const PAGES = { o: "/", j: "/jobs", c: "/costs", f: "/failures", e: "/exporters" };

export function keys() {
  let going = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (going && PAGES[event.key]) {
      location.assign(document.body.dataset.root + PAGES[event.key]);
    } else if (event.key === "/") {
      event.preventDefault();
      document.getElementById("find").focus();
    } else if (event.key === "j" || event.key === "k") {
      walk(event.key === "j" ? 1 : -1);
    }
    going = event.key === "g";
  });
}

function typing(target) {
  return target instanceof HTMLElement && target.matches("input, select, textarea, [contenteditable]");
}

function walk(step) {
  const rows = [...document.querySelectorAll("[data-rows] a[data-row]")];
  if (rows.length === 0) return;
  const here = rows.indexOf(document.activeElement);
  const next = here < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, here + step));
  rows[next].focus();
}
