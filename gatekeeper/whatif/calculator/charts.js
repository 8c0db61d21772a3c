/* The two charts of the calculator as inline SVG, drawn at the width of their container so that text keeps its size.
 * Needs cost.js and text.js. Nothing is told by colour alone: lines differ in width and dashes, ends have labels.
 */
(function (root) {
  "use strict";

  const cost = root.gatekeeperCost;
  const SVG = "http://www.w3.org/2000/svg";
  const POINTS = 240;
  const MOST_EDGES = 400;

  function el(name, attributes, ...children) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  const round = (number) => Math.round(number * 10) / 10;
  const text = (x, y, words, kind = "", anchor = "start") =>
    el("text", { x: round(x), y: round(y), class: `gkc-t ${kind}`, "text-anchor": anchor }, words);
  const line = (x1, y1, x2, y2, kind) =>
    el("line", { x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2), class: kind });

  function figure(id, width, height, title, description) {
    const svg = el("svg", {
      role: "img",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      "aria-labelledby": `${id}-title ${id}-text`,
    });
    svg.append(el("title", { id: `${id}-title` }, title), el("desc", { id: `${id}-text` }, description));
    return svg;
  }

  // Break-even

  /** Return { baseline, candidate, planned, step }: monthly costs by volume, and the requests that fill a replica. */
  function curvesOf(plan) {
    const at = (bill) => (volume) => bill({ ...plan, requests_per_month: volume }, 1).usd;
    const { machines } = plan.candidate;
    const stair = machines && !machines.hourly_weights.length;
    return {
      baseline: at(cost.baselineBill),
      candidate: at(cost.candidateBill),
      planned: plan.requests_per_month,
      step: stair ? cost.replicaVolume(machines) : null,
    };
  }

  function domainOf(curves, outlook) {
    const edges = [outlook.volumes, outlook.volumes_with_program]
      .filter(Boolean)
      .flatMap((found) => found.intervals.flatMap((one) => [one.start, one.end]))
      .filter((edge) => edge && edge > curves.planned / 1e4 && edge < curves.planned * 1e4);
    const low = Math.min(curves.planned / 30, ...edges.map((edge) => edge / 3));
    const high = Math.max(curves.planned * 30, ...edges.map((edge) => edge * 3));
    return [low, high];
  }

  function volumesBetween([low, high], step) {
    const grid = Array.from({ length: POINTS + 1 }, (_, place) => low * (high / low) ** (place / POINTS));
    if (!step) return grid;
    const first = Math.max(1, Math.ceil(low / step));
    const count = Math.min(MOST_EDGES, Math.floor(high / step) - first + 1);
    const edges = Array.from({ length: Math.max(0, count) }, (_, place) => (first + place) * step);
    return [...grid, ...edges, ...edges.map((edge) => edge * (1 + 1e-9))].sort((a, b) => a - b);
  }

  function ticksOf(low, high, most) {
    const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    const decades = Array.from({ length: Math.max(0, last - first + 1) }, (_, place) => 10 ** (first + place));
    if (decades.length < 3) {
      const all = decades.concat(10 ** (first - 1)).flatMap((decade) => [decade, 2 * decade, 5 * decade]);
      return [...new Set(all)].filter((tick) => tick >= low && tick <= high).sort((a, b) => a - b);
    }
    const every = Math.ceil(decades.length / most);
    return decades.filter((_, place) => place % every === 0);
  }

  const logScale = ([low, high], [from, to]) => {
    const span = Math.log(high / low);
    return (value) => from + (Math.log(Math.min(Math.max(value, low), high) / low) / span) * (to - from);
  };

  /**
   * Return the chart of monthly cost against monthly requests.
   *
   * @param options { id, width, title, description, plan, outlook, months }
   */
  function breakEvenChart(options) {
    const { id, width, plan, outlook } = options;
    const curves = curvesOf(plan);
    const domain = domainOf(curves, outlook);
    const volumes = volumesBetween(domain, curves.step);
    const costs = [curves.baseline, curves.candidate].map((at) => volumes.map(at));
    const positive = costs.flat().filter((amount) => amount > 0);
    const top = Math.max(...positive, 1) * 1.4;
    const bottom = Math.max(Math.min(...positive, top) / 1.4, top / 1e7);
    const strips = [outlook.volumes, outlook.volumes_with_program].filter(Boolean).length;
    const box = { left: 58, right: width - 10, top: 30, bottom: 300 };
    const height = box.bottom + 48 + strips * 40;
    const x = logScale(domain, [box.left, box.right]);
    const y = logScale([bottom, top], [box.bottom, box.top]);
    const svg = figure(id, width, height, options.title, options.description);
    svg.append(...shades(outlook.volumes, domain, x, box));
    svg.append(...axes(domain, [bottom, top], x, y, box));
    costs.forEach((amounts, index) => {
      const points = volumes.map((volume, place) => `${round(x(volume))} ${round(y(amounts[place]))}`);
      svg.append(el("path", { d: `M${points.join("L")}`, class: index ? "gkc-mine" : "gkc-base" }));
    });
    svg.append(...plannedMark(curves, domain, x, y, box));
    svg.append(...stripsOf(options, domain, x, box));
    return { svg, curves, volumeAt: (place) => domain[0] * (domain[1] / domain[0]) ** clamp(place, box) };
  }

  const clamp = (place, box) => Math.min(1, Math.max(0, (place - box.left) / (box.right - box.left)));

  function spans(found, [low, high]) {
    return found.intervals
      .map((one) => [Math.max(low, one.start), one.end === null ? high : Math.min(high, one.end)])
      .filter(([start, end]) => end > start);
  }

  function shades(found, domain, x, box) {
    if (found === null) return [];
    return spans(found, domain).map(([start, end]) =>
      el("rect", {
        x: round(x(start)),
        y: box.top,
        width: round(Math.max(1, x(end) - x(start))),
        height: box.bottom - box.top,
        class: "gkc-shade",
      }),
    );
  }

  function axes(domain, range, x, y, box) {
    const made = [];
    for (const tick of ticksOf(...range, 6)) {
      made.push(line(box.left, y(tick), box.right, y(tick), "gkc-grid"));
      made.push(text(box.left - 8, y(tick) + 4, cost.compactUsd(tick), "", "end"));
    }
    for (const tick of ticksOf(...domain, Math.max(3, Math.floor((box.right - box.left) / 90)))) {
      made.push(line(x(tick), box.bottom, x(tick), box.bottom + 5, "gkc-axis"));
      made.push(text(x(tick), box.bottom + 20, cost.compact(tick), "", "middle"));
    }
    made.push(line(box.left, box.bottom, box.right, box.bottom, "gkc-axis"));
    made.push(text(box.left - 8, 14, "$ a month", "gkc-name", "start"));
    made.push(text(box.right, box.bottom + 37, "requests a month", "gkc-name", "end"));
    return made;
  }

  function plannedMark(curves, domain, x, y, box) {
    const place = x(curves.planned);
    const anchor = place > box.right - 120 ? "end" : "start";
    const made = [
      line(place, box.top - 6, place, box.bottom, "gkc-planned"),
      text(place + (anchor === "end" ? -6 : 6), box.top - 2, `planned ${cost.compact(curves.planned)}`, "gkc-strong", anchor),
    ];
    for (const [at, kind] of [[curves.baseline, "gkc-dot-base"], [curves.candidate, "gkc-dot-mine"]]) {
      made.push(el("circle", { cx: round(place), cy: round(y(at(curves.planned))), r: 4.5, class: kind }));
    }
    return made;
  }

  function stripsOf(options, domain, x, box) {
    const { outlook, months } = options;
    const rows = [
      [outlook.volumes, "A month saves money"],
      [outlook.volumes_with_program, `All of it is earned back within ${months} months`],
    ].filter(([found]) => found !== null);
    return rows.flatMap(([found, words], row) => {
      const top = box.bottom + 52 + row * 40;
      const parts = spans(found, domain);
      const said = parts.length ? words : `${words}: at no volume shown`;
      const bars = parts.map(([start, end]) =>
        el("rect", { x: round(x(start)), y: top + 12, width: round(Math.max(2, x(end) - x(start))), height: 9, rx: 2, class: row ? "gkc-strip-all" : "gkc-strip" }),
      );
      const rail = line(box.left, top + 16.5, box.right, top + 16.5, "gkc-grid");
      const tick = line(x(options.plan.requests_per_month), top + 8, x(options.plan.requests_per_month), top + 25, "gkc-planned");
      return [text(box.left, top + 4, said, "gkc-name"), rail, ...bars, tick];
    });
  }

  // Tornado

  /**
   * Return the bars of a tornado with the input's value at both ends.
   *
   * @param options { id, width, title, description, found, most, label: name -> text, value: (name, number) -> text }
   */
  function tornadoChart(options) {
    const { id, width, found, label, value } = options;
    const bars = found.bars.slice(0, options.most);
    const narrow = width < 560;
    const side = narrow ? 0 : Math.min(280, width * 0.4);
    const row = narrow ? 50 : 36;
    const box = { left: side + 62, right: width - 66, top: 34 };
    const height = box.top + bars.length * row + 34;
    const ends = bars.flatMap((bar) => [bar.at_low, bar.at_high]);
    const [low, high] = [Math.min(found.npv_usd, ...ends), Math.max(found.npv_usd, ...ends)];
    const x = (amount) => box.left + ((amount - low) / (high - low || 1)) * (box.right - box.left);
    const svg = figure(id, width, height, options.title, options.description);
    const foot = box.top + bars.length * row;
    for (const tick of niceTicks(low, high, narrow ? 3 : 5)) {
      svg.append(line(x(tick), box.top - 4, x(tick), foot, "gkc-grid"));
      svg.append(text(x(tick), foot + 20, cost.compactUsd(tick), "", "middle"));
    }
    const shapes = bars.map((bar, place) => {
      const top = box.top + place * row;
      const middle = narrow ? top + 34 : top + row / 2;
      const words = label(bar.name);
      const name = narrow ? text(2, top + 16, words, "gkc-label") : text(side, middle + 4, words, "gkc-label", "end");
      return { name, ...barOf(bar, found.npv_usd, middle, x, value) };
    });
    svg.append(...shapes.flatMap((shape) => shape.rects));
    svg.append(...marksOf(found.npv_usd, [low, high], x, [box.top, foot]));
    svg.append(...shapes.flatMap((shape) => [shape.name, ...shape.labels]));
    return svg;
  }

  /** Return the line at zero, and the one at today's value. */
  function marksOf(now, [low, high], x, [top, foot]) {
    const made = [];
    const zero = low <= 0 && high >= 0;
    if (zero) made.push(line(x(0), top - 8, x(0), foot + 4, "gkc-zero"), text(x(0), top - 14, "$0", "gkc-strong", "middle"));
    made.push(line(x(now), top - 8, x(now), foot, "gkc-now"));
    if (!zero || Math.abs(x(now) - x(0)) > 90) {
      made.push(text(x(now), top - 14, `today ${cost.compactUsd(now)}`, "gkc-strong", "middle"));
    }
    return made;
  }

  function barOf(bar, base, middle, x, value) {
    const parts = [
      [bar.at_low, value(bar.name, bar.low_input), "gkc-low"],
      [bar.at_high, value(bar.name, bar.high_input), "gkc-high"],
    ];
    const left = bar.at_low <= bar.at_high ? 0 : 1;
    const places = [x(bar.at_low), x(bar.at_high), x(base)];
    const outer = [Math.min(...places) - 6, Math.max(...places) + 6];
    const rects = parts.map(([end, , kind]) => {
      const [from, to] = [Math.min(x(base), x(end)), Math.max(x(base), x(end))];
      return el("rect", { x: round(from), y: middle - 9, width: round(Math.max(1, to - from)), height: 18, class: kind });
    });
    const labels = parts.map(([, words], place) =>
      text(outer[place === left ? 0 : 1], middle + 4, words, "gkc-end", place === left ? "end" : "start"),
    );
    return { rects, labels };
  }

  function niceTicks(low, high, most) {
    const rough = (high - low || 1) / most;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
    const ticks = [];
    for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(Math.abs(tick) < step / 2 ? 0 : tick);
    return ticks;
  }

  Object.assign(cost, { breakEvenChart, tornadoChart });
})(globalThis);
