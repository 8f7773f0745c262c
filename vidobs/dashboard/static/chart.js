// Draws every figure with `data-chart` from the JSON beside it: { x: [unix seconds], series: [{ label,
// values, rest }], unit: "usd" | "count" | "s" | "share", stacked, step_s }. Values may be strings: money
// is exact on its way here. The table in the figure says the same without a script.

const HEIGHT = 260;
const COLOURS = 6;
const LEAST_GAP = 7; // pixels for each step; below that bars touch each other,
const LEAST_BAR = 2; // and below that they become areas
const SHARE_OF_STEP = 0.72;
const WHOLE = [1, 2, 5].flatMap((of) => [0, 1, 2, 3, 4, 5, 6].map((zeros) => of * 10 ** zeros)).sort((a, b) => a - b); // steps of an axis that counts
const drawn = new Map(); // figure -> Plot
const kept = new Map(); // name -> what the reader did to it, which outlives a live update

export function draw(within) {
  for (const [figure, plot] of drawn) {
    if (figure.isConnected) continue;
    plot.destroy();
    drawn.delete(figure);
  }
  for (const figure of within.querySelectorAll("figure[data-chart]")) {
    drawn.get(figure)?.destroy();
    drawn.set(figure, new Plot(figure));
  }
}

const redraw = () => draw(document);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });

class Plot {
  constructor(figure) {
    this.figure = figure;
    this.target = figure.querySelector(".plot");
    this.target.tabIndex = 0;
    this.given = read(figure);
    this.say = format(this.given.unit);
    this.mine = remembered(figure);
    this.legend = this.tip = null;
    if (this.given.x.length === 0) return;
    this.colours = colours(this.given.series);
    this.tip = add(this.target, "div", "tip");
    this.tip.hidden = true;
    this.legend = this.makeLegend();
    this.width = this.room();
    this.plot = this.make();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.target);
    if (this.mine.place != null) this.point(this.mine.place);
  }

  destroy() {
    this.observer?.disconnect();
    this.plot?.destroy();
    this.legend?.remove();
    this.tip?.remove();
  }

  room() {
    return Math.max(200, this.target.clientWidth);
  }

  // How a stack is drawn depends on the room there is, so a new width may be a new plot.
  resize() {
    const width = this.room();
    if (width === this.width) return;
    this.width = width;
    if (this.shape() === this.drawnAs) this.plot.setSize({ width, height: HEIGHT });
    else this.remake();
  }

  remake() {
    this.plot.destroy();
    this.plot = this.make();
  }

  shape() {
    const { stacked, step_s: step, x } = this.given;
    if (!stacked) return "lines";
    const room = step ? this.width / x.length : 0;
    if (room < LEAST_BAR) return "areas";
    return room < LEAST_GAP ? "touching" : "bars";
  }

  make() {
    const { given } = this;
    this.drawnAs = this.shape();
    const half = (given.step_s ?? 3600) / 2;
    const last = given.x.length - 1;
    const axis = {
      stroke: colour("--soft"),
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    const options = {
      width: this.width,
      height: HEIGHT,
      padding: [12, 22, 0, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        points: { show: !given.stacked },
        move: (plot, left, top) => [left < 0 ? left : plot.valToPos(given.x[plot.posToIdx(left)], "x"), top],
      },
      scales: {
        x: { time: true, range: [given.x[0] - half, given.x[last] + half] },
        y: { range: (_plot, least, most) => bounds(least, most) },
      },
      axes: [
        { ...axis, size: 30, grid: { show: false }, splits: () => this.ticks(), values: (_plot, at) => at.map((x) => tick(x, given.step_s)) },
        { ...axis, size: 52, ...(given.unit === "count" ? { incrs: WHOLE } : {}), values: (_plot, splits) => splits.map((value) => (value == null ? "" : this.say(value))) },
      ],
      series: [{}, ...this.layers().map((index) => this.layer(index))],
      hooks: { setCursor: [(plot) => this.follow(plot)] },
    };
    return new uPlot(options, this.data(), this.target);
  }

  // The order of drawing: of a stack the whole first, and what lies below it on top of that.
  layers() {
    const order = this.given.series.map((_, index) => index);
    return this.given.stacked ? order.reverse() : order;
  }

  layer(index) {
    const shade = this.colours[index];
    const options = { show: !this.hidden(index), stroke: shade, points: { show: false } };
    const few = this.given.x.length < 3;
    if (this.drawnAs === "lines") return { ...options, width: 2, points: { show: few, size: 7 } };
    if (this.drawnAs === "areas") return { ...options, width: 1, fill: shade };
    const size = this.drawnAs === "bars" ? [SHARE_OF_STEP, 56] : [1, Infinity];
    return { ...options, width: 0, fill: shade, paths: uPlot.paths.bars({ size }) };
  }

  data() {
    const { series, stacked, x } = this.given;
    if (!stacked) return [x, ...series.map((one) => one.values)];
    const sums = x.map(() => 0);
    const rows = series.map((one, index) =>
      one.values.map((value, place) => (sums[place] += this.hidden(index) ? 0 : (value ?? 0))),
    );
    return [x, ...this.layers().map((index) => rows[index])];
  }

  hidden(index) {
    return this.mine.hidden.has(this.given.series[index].label);
  }

  // As many labels as there is room for, each under the step that it names.
  ticks() {
    const { x, step_s: step } = this.given;
    const every = Math.ceil(x.length / Math.max(2, Math.floor(this.width / (step === 3600 ? 62 : 78))));
    return x.filter((_, place) => (x.length - 1 - place) % every === 0);
  }

  makeLegend() {
    const list = document.createElement("ul");
    list.className = "legend plain";
    this.target.after(list);
    this.given.series.forEach((series, index) => {
      const button = add(add(list, "li"), "button", "key");
      button.type = "button";
      button.setAttribute("aria-pressed", String(!this.hidden(index)));
      add(button, "span", "swatch").style.background = this.colours[index];
      add(button, "span").textContent = series.label;
      if (this.given.unit === "usd" || this.given.unit === "count") {
        const total = series.values.reduce((sum, value) => sum + (value ?? 0), 0);
        add(button, "span", "sum").textContent = this.say(total, true);
      }
      button.addEventListener("click", () => this.toggle(index, button));
    });
    return list;
  }

  toggle(index, button) {
    const { label } = this.given.series[index];
    if (!this.mine.hidden.delete(label)) this.mine.hidden.add(label);
    button.setAttribute("aria-pressed", String(!this.hidden(index)));
    this.remake();
  }

  // Puts the cursor on a step, as the arrow keys and live updates do.
  point(place) {
    const last = this.given.x.length - 1;
    this.mine.place = Math.min(last, Math.max(0, place));
    const left = this.plot.valToPos(this.given.x[this.mine.place], "x");
    this.plot.setCursor({ left, top: 10 });
  }

  follow(plot) {
    const place = plot.cursor.left == null || plot.cursor.left < 0 ? null : plot.cursor.idx;
    this.mine.place = place;
    this.tip.hidden = place == null;
    if (place == null) return;
    this.tip.replaceChildren(...this.lines(place));
    const middle = plot.valToPos(this.given.x[place], "x") + plot.bbox.left / devicePixelRatio;
    const width = this.tip.offsetWidth;
    const right = middle + 14 + width > this.width;
    this.tip.style.left = `${Math.max(0, right ? middle - 14 - width : middle + 14)}px`;
  }

  lines(place) {
    const { given } = this;
    const head = document.createElement("p");
    head.className = "at";
    head.textContent = moment(given.x[place], given.step_s);
    const rows = [head];
    let sum = 0;
    given.series.forEach((series, index) => {
      const value = series.values[place];
      if (this.hidden(index) || (given.stacked && !value)) return;
      sum += value ?? 0;
      rows.push(line(this.colours[index], series.label, value == null ? "–" : this.say(value, true)));
    });
    const several = given.stacked && given.series.length > 1;
    if (several) rows.push(line("", "together", this.say(sum, true)));
    else if (rows.length === 1) rows.push(line("", "nothing", this.say(0, true)));
    return rows;
  }
}

document.addEventListener("keydown", (event) => {
  const plot = drawn.get(event.target.closest?.("figure[data-chart]"));
  if (!plot?.plot || event.target !== plot.target) return;
  const place = plot.mine.place ?? plot.given.x.length;
  if (event.key === "ArrowLeft") plot.point(place - 1);
  else if (event.key === "ArrowRight") plot.point(place + 1);
  else if (event.key === "Escape") plot.plot.setCursor({ left: -10, top: -10 });
  else return;
  event.preventDefault();
});

// Opening the table is remembered too.
document.addEventListener("toggle", (event) => {
  const figure = event.target.closest?.("figure[data-chart]");
  if (figure) remembered(figure).open = event.target.open;
}, true);

function remembered(figure) {
  const name = figure.dataset.chart;
  if (!kept.has(name)) kept.set(name, { hidden: new Set(), place: null, open: false });
  const mine = kept.get(name);
  const details = figure.querySelector("details");
  if (details && mine.open) details.open = true;
  return mine;
}

function read(figure) {
  const given = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const number = (value) => (value == null ? null : Number(value));
  return { ...given, series: given.series.map((one) => ({ ...one, values: one.values.map(number) })) };
}

function colours(series) {
  return series.map((one, index) => colour(one.rest ? "--submit" : `--series-${(index % COLOURS) + 1}`));
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function bounds(least, most) {
  const top = most > 0 ? most * 1.06 : 0;
  const bottom = least < 0 ? least * 1.06 : 0;
  return top === bottom ? [0, 1] : [bottom, top];
}

function add(parent, name, kind) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  parent.append(made);
  return made;
}

function line(shade, label, value) {
  const row = document.createElement("p");
  const swatch = add(row, "span", "swatch");
  if (shade) swatch.style.background = shade;
  add(row, "span", "what").textContent = label;
  add(row, "span", "much").textContent = value;
  return row;
}

const UTC = { timeZone: "UTC" };
const DAY = new Intl.DateTimeFormat("en-GB", { ...UTC, day: "numeric", month: "short" });
const WHOLE_DAY = new Intl.DateTimeFormat("en-GB", { ...UTC, weekday: "short", day: "numeric", month: "long", year: "numeric" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { ...UTC, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

function tick(seconds, step) {
  const at = new Date(seconds * 1000);
  const midnight = seconds % 86400 === 0;
  return step && step < 86400 && !midnight ? CLOCK.format(at) : DAY.format(at);
}

function moment(seconds, step) {
  const at = new Date(seconds * 1000);
  return step && step < 86400 ? `${DAY.format(at)}, ${CLOCK.format(at)} UTC` : WHOLE_DAY.format(at);
}

function format(unit) {
  if (unit === "usd") return dollars;
  if (unit === "share") return (value) => `${(value * 100).toFixed(Math.abs(value) < 0.1 ? 1 : 0)} %`;
  if (unit === "s") return (value) => (value < 90 ? `${+value.toFixed(1)} s` : `${+(value / 60).toFixed(1)} min`);
  return (value) => value.toLocaleString("en");
}

// Axes are short, everything else has cents at least.
function dollars(value, exact) {
  const size = Math.abs(value);
  const places = size === 0 || size >= 0.01 ? 2 : 4;
  const whole = !exact && Number.isInteger(value);
  const digits = { minimumFractionDigits: whole ? 0 : 2, maximumFractionDigits: whole ? 0 : places };
  return `${value < 0 ? "−" : ""}$${size.toLocaleString("en", digits)}`;
}
