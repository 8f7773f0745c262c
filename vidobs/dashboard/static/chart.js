// Draws every figure with `data-chart` from the JSON beside it: { x: [unix seconds], series: [{ label,
// values }], unit: "usd" | "count" | "s" | "share", stacked: bool }.

const HEIGHT = 240;
const COLOURS = 6;
const drawn = new Map();

export function draw(within) {
  for (const [figure, plot] of drawn) {
    if (!figure.isConnected) {
      plot.destroy();
      drawn.delete(figure);
    }
  }
  for (const figure of within.querySelectorAll("figure[data-chart]")) one(figure);
}

window.addEventListener("resize", () => {
  for (const [figure, plot] of drawn) plot.setSize({ width: width(figure), height: HEIGHT });
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(document));

function one(figure) {
  const given = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const target = figure.querySelector(".plot");
  drawn.get(figure)?.destroy();
  if (given.x.length === 0) return;
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const raw = given.series.map((series) => series.values);
  const shown = given.stacked ? stack(raw) : raw;
  const say = format(given.unit);
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const options = {
    width: width(figure),
    height: HEIGHT,
    cursor: { y: false, points: { size: 7 } },
    legend: { live: true },
    scales: { x: { time: true }, y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.08 : 1] } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
    axes: [axis, { ...axis, size: 62, values: (_plot, splits) => splits.map(say) }],
    series: [
      { label: "Time", value: (_plot, seconds) => (seconds == null ? "–" : new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")) },
      ...given.series.map((series, index) => ({
        label: series.label,
        stroke: colour(`--series-${(index % COLOURS) + 1}`),
        fill: colour(`--series-${(index % COLOURS) + 1}`) + (given.stacked ? "40" : "1c"),
        width: 2,
        points: { show: given.x.length < 3, size: 7 },
        value: (_plot, _value, _series, place) => (place == null || raw[index][place] == null ? "–" : say(raw[index][place])),
      })),
    ],
    bands: given.stacked ? shown.slice(1).map((_, index) => ({ series: [index + 2, index + 1] })) : [],
  };
  drawn.set(figure, new uPlot(options, [given.x, ...shown], target));
}

function width(figure) {
  return Math.max(200, figure.querySelector(".plot").clientWidth);
}

function stack(rows) {
  const sums = rows[0].map(() => 0);
  return rows.map((row) => row.map((value, place) => (sums[place] += value ?? 0)));
}

function format(unit) {
  if (unit === "usd") return (value) => `$${value.toLocaleString("en", { maximumFractionDigits: value < 1 ? 3 : 2 })}`;
  if (unit === "share") return (value) => `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`;
  if (unit === "s") return (value) => (value < 90 ? `${+value.toFixed(1)} s` : `${+(value / 60).toFixed(1)} min`);
  return (value) => value.toLocaleString("en");
}
