"use strict";
const root = document.documentElement;
const NARROW_PIXELS = 700;
const PRINT_PIXELS = 640;
const PRINT_HALF_PIXELS = 215;
const sources = Object.fromEntries(
  [...document.querySelectorAll("[data-figure]")].map((script) => [script.dataset.figure, script.textContent]));
let everyScore = false;
let nBest = Infinity;

function parsed(name) {
  const style = getComputedStyle(root);
  return JSON.parse(sources[name].replace(/var\((--[\w-]+)\)/g, (_, property) => style.getPropertyValue(property).trim()));
}

function keepBest(figure) {
  for (const trace of figure.data) {
    trace.x = trace.x.map((place, index) => trace.customdata[index] <= nBest ? place : null);
  }
}

function widen(figure) {
  figure.data = figure.data.filter((trace) => trace.meta !== "edge");
  delete figure.layout.yaxis.range;
  delete figure.layout.yaxis.tickvals;
  delete figure.layout.yaxis.ticktext;
}

function draw(panel, isPrint) {
  const name = panel.dataset.panel;
  const isHalf = panel.hasAttribute("data-half");
  const width = isPrint ? (isHalf ? PRINT_PIXELS / 2 - 10 : PRINT_PIXELS) : 0;
  const isNarrow = (width || panel.clientWidth) < NARROW_PIXELS;
  const figure = parsed(isNarrow && sources[name + "-narrow"] ? name + "-narrow" : name);
  if (name === "parallel") keepBest(figure);
  if (name === "history" && everyScore) widen(figure);
  figure.layout.dragmode = isNarrow || name !== "history" ? false : "zoom";
  if (width) figure.layout.width = width;
  if (isPrint && isHalf) figure.layout.height = Math.min(figure.layout.height, PRINT_HALF_PIXELS);
  panel.style.height = `${figure.layout.height}px`;
  return Plotly.react(panel, figure.data, figure.layout, {
    responsive: !width, displaylogo: false, displayModeBar: name === "history" && !isNarrow ? "hover" : false,
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  });
}

const panels = [...document.querySelectorAll(".panel")];
// A page that is printed is as wide as the paper, which the window's rules hear of as well.
const drawAll = () => panels.forEach((panel) => draw(panel, root.classList.contains("printing")));

// One after the other, so that the words can be read and scrolled meanwhile.
function drawInTurn(index) {
  if (index >= panels.length) return;
  if (!panels[index].classList.contains("js-plotly-plot")) draw(panels[index]);
  setTimeout(drawInTurn, 0, index + 1);
}

drawInTurn(0);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
matchMedia(`(max-width: ${NARROW_PIXELS}px)`).addEventListener("change", () => drawAll());
addEventListener("beforeprint", () => { root.classList.add("printing"); drawAll(); });
addEventListener("afterprint", () => { root.classList.remove("printing"); drawAll(); });

document.getElementById("every-score")?.addEventListener("click", (event) => {
  everyScore = !everyScore;
  event.target.setAttribute("aria-pressed", everyScore);
  event.target.textContent = everyScore ? "Show the good scores" : "Show every score";
  draw(panels.find((panel) => panel.dataset.panel === "history"));
});
document.getElementById("n-best")?.addEventListener("input", (event) => {
  nBest = Number(event.target.value);
  event.target.nextElementSibling.value = `${nBest} of ${event.target.max} trials`;
  draw(panels.find((panel) => panel.dataset.panel === "parallel"));
});
