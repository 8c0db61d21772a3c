/* The page: fields, table, charts. All arithmetic is in cost.js and table.js; the state is the changed inputs alone. */
(function (root) {
  "use strict";

  const cost = root.gatekeeperCost;
  const { NONE } = cost;
  const READ = JSON.parse(document.getElementById("gkc-data").textContent);
  const BASE = cost.worksheetOf(READ.worksheet);
  const FIELDS = new Map(READ.groups.flatMap((group) => group.fields.map((field) => [field.name, field])));
  const GIVEN = new Map(BASE.inputs.map((one) => [one.name, one]));
  const OUTCOMES = { pass: "pass", fail: "fail", inconclusive: "open" };
  const RULES = {
    quality: "Quality",
    reduction: "Reduction",
    payback: "Payback",
    volume: "Volume",
    lifetime: "Lifetime",
    capacity_measured: "Speed measured",
  };
  const PARTS = {
    requests_usd: "Requests",
    teacher_usd: "Teacher's part",
    hosting_usd: "Hosting",
    machines_usd: "Machines",
    overhead_usd: "Overhead of machines",
    operations_usd: "Operations",
    audits_usd: "Audits",
    errors_usd: "Bad answers",
  };
  const SLIDER_STEPS = 400;
  const state = { changes: Object.create(null), option: READ.option, rows: new Map() };

  // Elements

  const $ = (id) => document.getElementById(`gkc-${id}`);

  function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === true) made.setAttribute(key, "");
      else if (value !== false && value !== null) made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  const bdi = (words) => make("bdi", {}, words);
  const small = (words) => make("span", { class: "gkc-small" }, words);
  const mark = (outcome, words) => make("span", { class: `gkc-mark gkc-${outcome}` }, words);

  // Inputs

  const originalOf = (name) => (GIVEN.has(name) ? GIVEN.get(name).value : null);
  const valueOf = (name) => (name in state.changes ? state.changes[name] : originalOf(name));

  function setValue(name, value) {
    if (value === originalOf(name)) delete state.changes[name];
    else state.changes[name] = value;
    update();
  }

  function inputText(name, value) {
    const field = FIELDS.get(name);
    const unit = field ? field.unit : "";
    if (field && field.percent) return `${cost.showNumber(Number((value * 100).toPrecision(4)))}%`;
    const money = unit.startsWith("$");
    return (money ? "$" : "") + cost.compact(Number(value.toPrecision(4)));
  }

  const toSlider = ({ range }, value) =>
    range.log ? (Math.log(value / range.low) / Math.log(range.high / range.low)) * SLIDER_STEPS : value;

  function fromSlider({ range }, place) {
    if (!range.log) return Number(place.toPrecision(12));
    return Number((range.low * (range.high / range.low) ** (place / SLIDER_STEPS)).toPrecision(3));
  }

  function sourceText(name) {
    const given = GIVEN.get(name);
    if (name in state.changes) {
      const was = given && given.value !== null ? `; before it was ${given.origin}: ${given.source}` : "";
      return `changed on this page${was}`;
    }
    if (!given || given.value === null) return "nobody gave it";
    const day = given.as_of && !given.source.includes(given.as_of) ? `, as of ${given.as_of}` : "";
    return given.source + day;
  }

  const originOf = (name) => {
    if (name in state.changes) return "assumed";
    return valueOf(name) === null ? "missing" : GIVEN.get(name).origin;
  };

  function makeField(field, group, place) {
    const id = `gkc-f${place}`;
    const label = `${group.title}: ${field.label}`;
    const { range } = field;
    const ends = range.log ? { min: 0, max: SLIDER_STEPS, step: 2 } : { min: range.low, max: range.high, step: range.step };
    const parts = {
      box: make("input", {
        type: "text", id, inputmode: "decimal", spellcheck: "false", placeholder: "none",
        "aria-describedby": `${id}-error`, "data-name": field.name,
      }),
      slider: make("input", { type: "range", ...ends, "aria-label": `${label}, slider`, "data-slider": field.name }),
      origin: make("button", { type: "button", class: "gkc-origin", "aria-expanded": "false", "aria-controls": `${id}-source` }),
      source: make("p", { class: "gkc-source", id: `${id}-source`, hidden: true }),
      error: make("p", { class: "gkc-error", id: `${id}-error`, role: "alert", hidden: true }),
      undo: make("button", { type: "button", class: "gkc-undo", hidden: true }),
    };
    const name = make("label", { for: id }, field.label, " ", make("span", { class: "gkc-unit" }, field.unit));
    parts.root = make(
      "div", { class: "gkc-field" },
      make("div", { class: "gkc-line" }, name, parts.origin),
      make("div", { class: "gkc-line" }, parts.slider, parts.box),
      parts.error, parts.source, parts.undo,
    );
    listen(field, parts);
    state.rows.set(field.name, parts);
    return parts.root;
  }

  function listen(field, parts) {
    parts.slider.addEventListener("input", () => setValue(field.name, fromSlider(field, Number(parts.slider.value))));
    parts.box.addEventListener("input", () => typed(field, parts));
    parts.box.addEventListener("change", () => showField(field));
    parts.undo.addEventListener("click", () => {
      delete state.changes[field.name];
      clearError(parts);
      update();
      parts.box.focus();
    });
    parts.origin.addEventListener("click", () => {
      parts.source.hidden = !parts.source.hidden;
      parts.origin.setAttribute("aria-expanded", String(!parts.source.hidden));
    });
  }

  function typed(field, parts) {
    const text = parts.box.value;
    if (!text.trim() && originalOf(field.name) === null) {
      clearError(parts);
      delete state.changes[field.name];
      update();
      return;
    }
    const value = cost.parseNumber(text, field.percent);
    parts.error.hidden = value !== null;
    parts.box.setAttribute("aria-invalid", String(value === null));
    if (value === null) parts.error.textContent = "This is not a number. Write it as 2e6, 1,000,000 or 0.25.";
    else setValue(field.name, value);
  }

  function clearError(parts) {
    parts.error.hidden = true;
    parts.box.removeAttribute("aria-invalid");
    parts.shown = undefined; // so that what stands in the box is written anew
  }

  function showField(field) {
    const parts = state.rows.get(field.name);
    const value = valueOf(field.name);
    const original = originalOf(field.name);
    const changed = field.name in state.changes;
    const origin = originOf(field.name);
    if (document.activeElement !== parts.box && parts.box.getAttribute("aria-invalid") !== "true") {
      parts.box.value = cost.showNumber(value, field.percent);
    }
    parts.slider.value = value === null ? parts.slider.min : toSlider(field, value);
    parts.slider.setAttribute("aria-valuetext", value === null ? "not given" : `${cost.showNumber(value, field.percent)} ${field.unit}`);
    parts.root.classList.toggle("gkc-is-changed", changed);
    parts.origin.className = `gkc-origin gkc-${origin}`;
    parts.origin.textContent = origin;
    parts.origin.title = `${origin}: ${sourceText(field.name)}`;
    parts.origin.setAttribute("aria-label", `${field.label}: ${origin}. Where it comes from`);
    parts.source.replaceChildren(sourceText(field.name), make("code", {}, field.name));
    parts.undo.hidden = !changed;
    parts.undo.textContent = original === null ? "take it out again" : `back to ${cost.showNumber(original, field.percent)}`;
    parts.undo.setAttribute("aria-label", `${field.label}: ${parts.undo.textContent}`);
  }

  const NARROW = 720;

  function makeGroups() {
    let place = 0;
    const narrow = $("app").clientWidth < NARROW; // there the results come after the inputs, so only the first is open
    for (const group of READ.groups) {
      const fields = group.fields.map((field) => makeField(field, group, (place += 1)));
      const note = group.note ? make("span", { class: "gkc-muted" }, bdi(group.note)) : null;
      const count = make("span", { class: "gkc-muted gkc-count" });
      const about = make("summary", {}, bdi(group.title), note, count);
      const made = make("details", { class: "gkc-group", "data-group": group.id, open: narrow ? group === READ.groups[0] : group.open }, about);
      made.append(make("div", { class: "gkc-fields" }, ...fields));
      $("groups").append(made);
    }
  }

  /** Show what has changed since the last time: most of a hundred fields have not. */
  function showInputs() {
    for (const field of FIELDS.values()) {
      const parts = state.rows.get(field.name);
      const value = valueOf(field.name);
      if (parts.shown !== value) showField(field);
      parts.shown = value;
    }
    for (const group of READ.groups) {
      const changed = group.fields.filter((field) => field.name in state.changes).length;
      const made = [...$("groups").children].find((one) => one.dataset.group === group.id);
      made.querySelector(".gkc-count").textContent = changed ? `${changed} changed` : "";
    }
    const count = Object.keys(state.changes).length;
    $("changed").textContent = count ? `${count} changed` : "";
    $("reset").disabled = !count;
  }

  // The table

  function nameCell(row, table) {
    const picked = row.name === state.option;
    const words = bdi(row.name);
    const title = row.outlook
      ? make("button", { type: "button", class: "gkc-pick", "aria-pressed": String(picked), "data-option": row.name }, words)
      : words;
    const notes = [row.model && row.model !== row.name ? row.model : "", row.name === "teacher" ? "the incumbent" : ""];
    if (row.name === table.baseline && row.name !== "teacher") notes.push("what students must beat");
    const note = notes.filter(Boolean).join(", ");
    const who = make("span", {}, title, note ? small(bdi(note)) : null);
    const code = make("span", { class: "gkc-code" }, row.code);
    return make("th", { scope: "row" }, make("span", { class: "gkc-who" }, code, who));
  }

  function cell(label, value, text, note) {
    const empty = text === NONE && !note;
    const attributes = { class: `gkc-r${empty ? " gkc-empty" : ""}`, "data-label": label, "data-value": value ?? "" };
    return make("td", attributes, make("span", {}, text, note ? small(note) : null));
  }

  const PASSES = new Map([[true, null], [false, "fails the gate"], [null, "not judged"]]);

  function gateCell(row) {
    const parts = [];
    if (row.outcome !== null) {
      const blamed = row.rules.filter((rule) => rule.outcome === row.outcome).map((rule) => RULES[rule.rule].toLowerCase());
      parts.push(mark(row.outcome, OUTCOMES[row.outcome]));
      if (row.outcome !== "pass") parts.push(small(blamed.join(", ")));
    }
    const { retires } = cost.optionOf(BASE, row.name);
    if (retires) parts.push(make("span", { class: "gkc-small gkc-fixed" }, `retires ${retires}`));
    return make("td", { "data-label": "Gates", "data-value": row.outcome || "", class: parts.length ? "" : "gkc-empty" }, make("span", {}, ...(parts.length ? parts : [NONE])));
  }

  function makeRow(row, table) {
    const { outlook } = row;
    const once = row.one_time.program_usd;
    const against = outlook && table.baseline !== "teacher" && row.compared_with !== "teacher";
    const versus = against ? `teacher: ${cost.times(row.teacher_reduction)}` : "";
    const quality = row.quality === null ? NONE : row.quality.toFixed(3);
    const made = make("tr", { class: row.name === state.option ? "gkc-picked" : "", "data-row": row.name }, nameCell(row, table));
    made.append(
      cell("Quality", row.quality, quality, PASSES.get(row.passes)),
      cell("A request", row.usd_per_request, `$${row.usd_per_request.toFixed(6)}`),
      cell("A month", row.bill.usd, cost.usd(row.bill.usd)),
      cell("Once", once, once ? cost.usd(once) : NONE),
      cell("Reduction", outlook && outlook.reduction, outlook ? cost.times(outlook.reduction) : NONE, versus),
      cell("Pays back", outlook && outlook.forward.payback_months, outlook ? cost.months(outlook.forward.payback_months) : NONE),
      cell("Net value", outlook && outlook.program.npv_usd, outlook ? cost.usd(outlook.program.npv_usd) : NONE),
      gateCell(row),
    );
    return made;
  }

  function showTable(table) {
    const picked = document.activeElement && document.activeElement.dataset.option;
    const rows = table.rows.filter((row) => row.bill !== null);
    $("rows").replaceChildren(...rows.map((row) => makeRow(row, table)));
    const horizon = valueOf("horizon_months");
    $("caption").textContent =
      `${cost.showNumber(table.requests_per_month)} requests a month. Net value: present value over ` +
      `${horizon === null ? "the horizon" : `${cost.showNumber(horizon)} months`}, all one-time costs paid.`;
    if (picked) [...$("rows").querySelectorAll("[data-option]")].find((one) => one.dataset.option === picked)?.focus();
    showMissing(table.rows.filter((row) => row.bill === null));
  }

  function showMissing(rows) {
    const box = $("missing");
    box.hidden = !rows.length;
    box.querySelector("summary").textContent =
      `${rows.length} alternative${rows.length === 1 ? "" : "s"} without numbers: what is missing`;
    box.querySelector("ul").replaceChildren(...rows.map(missingItem));
  }

  function missingItem(row) {
    const words = row.missing
      .replace("not measured: give ", "Give ")
      .replace(/\n {2}fix: (.)/, (_, letter) => `. ${letter.toUpperCase()}`);
    const item = make("li", {}, make("span", { class: "gkc-code" }, row.code), " ", make("b", {}, bdi(row.name || row.kind.replaceAll("_", " "))));
    item.append(small(bdi(words)));
    if (row.needs && FIELDS.has(row.needs)) {
      const go = make("button", { type: "button", class: "gkc-undo" }, `give ${row.needs}`);
      go.addEventListener("click", () => openField(row.needs));
      item.append(go);
    }
    return item;
  }

  function openField(name) {
    const { root: field, box } = state.rows.get(name);
    field.closest("details").open = true;
    box.focus();
    field.scrollIntoView({ block: "center" });
  }

  // The chosen option

  function showChooser(table) {
    const rows = table.rows.filter((row) => row.outlook !== null);
    const names = rows.map((row) => row.name);
    if (!names.includes(state.option)) state.option = cost.bestOption(BASE, table);
    const select = $("option");
    if ([...select.options].map((one) => one.value).join("\n") !== names.join("\n")) {
      select.replaceChildren(...rows.map((row) => make("option", { value: row.name }, `${row.code} ${row.name}`)));
    }
    select.value = state.option;
    select.closest(".gkc-chosen").hidden = !names.length;
  }

  function tile(label, text, note) {
    return make("div", {}, make("dt", {}, label), make("dd", {}, text), make("dd", { class: "gkc-sub" }, bdi(note)));
  }

  function showTiles(row) {
    const { outlook } = row;
    const { program, forward } = outlook;
    const horizon = outlook.savings_usd.length;
    const limited = row.horizon_limited_by ? `, until ${row.horizon_limited_by} retires` : "";
    const rate = program.irr_per_month === null ? "" : `, ${(100 * program.irr_per_month).toFixed(0)}% a month`;
    $("against").replaceChildren("in place of ", bdi(row.compared_with));
    $("tiles").replaceChildren(
      tile("A month", cost.usd(row.bill.usd), `${row.compared_with}: ${cost.usd(outlook.baseline.usd)}`),
      tile("Cost reduction", cost.times(outlook.reduction), outlook.token_reduction === null ? "" : `tokens alone: ${cost.times(outlook.token_reduction)}`),
      tile("Pays back in", cost.months(forward.payback_months), `${cost.usd(row.one_time.forward_usd)} ahead, ${cost.usd(row.one_time.program_usd)} in all`),
      tile("Net present value", cost.usd(program.npv_usd), `over ${horizon} months${limited}${rate}`),
    );
    $("dock").replaceChildren(
      make("span", {}, make("b", {}, row.name)),
      make("span", {}, `${cost.usd(row.bill.usd)} a month`),
      make("span", {}, cost.times(outlook.reduction)),
      make("span", {}, cost.months(forward.payback_months)),
    );
  }

  function showRules(row) {
    $("rules").replaceChildren(
      ...row.rules.map((rule) =>
        make("li", {}, make("span", {}, mark(rule.outcome, OUTCOMES[rule.outcome])), make("span", {}, make("b", {}, `${RULES[rule.rule]}. `), bdi(rule.sentence))),
      ),
    );
  }

  function showLines(row, table) {
    const other = table.rows.find((one) => one.name === row.compared_with);
    const head = $("lines").querySelectorAll("thead th");
    head[1].replaceChildren(bdi(row.compared_with));
    head[2].replaceChildren(bdi(row.name));
    const once = (one) => Object.fromEntries((one.one_time ? one.one_time.lines : []).map((each) => [each.name, each.spent_usd + each.ahead_usd]));
    const [theirs, mine] = [once(other), once(row)];
    const months = Object.entries(PARTS).map(([part, words]) => [words, row.outlook.baseline[part], row.bill[part]]);
    const names = [...new Set([...Object.keys(theirs), ...Object.keys(mine)])];
    const lines = names.map((name) => [name[0].toUpperCase() + name.slice(1), theirs[name] || 0, mine[name] || 0]);
    const money = (amount) => make("td", { class: "gkc-r" }, amount ? cost.formatUsd(amount) : NONE);
    const line = (kind) => ([words, first, second]) => make("tr", { class: kind }, make("th", { scope: "row" }, words), money(first), money(second));
    const shown = (all) => all.filter(([, first, second]) => first || second);
    const onceUsd = (one) => (one.one_time ? one.one_time.program_usd : 0);
    $("lines").querySelector("tbody").replaceChildren(
      ...shown(months).map(line("")),
      line("gkc-sum")(["A month", row.outlook.baseline.usd, row.bill.usd]),
      ...(lines.length ? [...shown(lines).map(line("")), line("gkc-sum")(["Once", onceUsd(other), onceUsd(row)])] : []),
    );
  }

  // Charts

  const legendItem = (kind, ...words) => make("li", {}, make("i", { class: kind }), make("span", {}, ...words));

  function legend(row) {
    $("legend").replaceChildren(
      legendItem("", bdi(row.name)),
      legendItem("gkc-dashed", bdi(row.compared_with)),
      ...(row.outlook.volumes ? [legendItem("gkc-area", "the month saves money")] : []),
    );
  }

  function evenText(row) {
    const { volumes, volumes_with_program: all, break_even_error_usd: error } = row.outlook;
    const parts = [];
    if (volumes === null) parts.push("With an hourly profile, whether a month pays is no question of its volume alone.");
    else {
      parts.push(`A month saves money ${cost.volumeText(volumes)}.`);
      parts.push(`All one-time cost is earned back within ${row.outlook.savings_usd.length} months ${cost.volumeText(all)}.`);
    }
    if (error !== null && error > 0) parts.push(`A bad answer may cost up to ${cost.formatUsd(error)} before ${row.compared_with} is cheaper.`);
    return parts.join(" ");
  }

  const widthOf = (box) => Math.max(280, Math.floor(box.clientWidth));

  function showEven(row, worksheet) {
    const plan = cost.planFor(worksheet, row.name, new cost.Values(worksheet));
    const words = evenText(row);
    const chart = cost.breakEvenChart({
      id: "gkc-chart-even",
      width: widthOf($("even")),
      title: `Monthly cost of ${row.name} and ${row.compared_with} by requests a month`,
      description: words,
      plan,
      outlook: row.outlook,
      months: row.outlook.savings_usd.length,
    });
    $("even").replaceChildren(chart.svg);
    $("even-text").textContent = words;
    legend(row);
    chart.svg.addEventListener("pointermove", (event) => readout(event, chart, row));
    chart.svg.addEventListener("pointerleave", () => ($("readout").textContent = ""));
  }

  function readout(event, chart, row) {
    const volume = chart.volumeAt(event.clientX - chart.svg.getBoundingClientRect().left);
    const [base, mine] = [chart.curves.baseline(volume), chart.curves.candidate(volume)];
    $("readout").textContent =
      `At ${cost.compact(volume)} requests: ${row.name} ${cost.usd(mine)}, ${row.compared_with} ${cost.usd(base)} a month`;
  }

  const fieldLabel = (name) => {
    const field = FIELDS.get(name);
    if (!field) return name;
    const dot = name.lastIndexOf(".");
    const own = dot > 0 && !name.startsWith("gate.");
    const said = own || /million/.test(field.unit) ? field.label.toLowerCase() : field.label;
    const tokens = field.unit === "tokens" && !/tokens/i.test(field.label) ? " tokens" : "";
    return (own ? `${name.slice(0, dot)}: ` : "") + (/million/.test(field.unit) ? `price of ${said}` : said) + tokens;
  };

  const MOST_BARS = 10;

  function showTornado(row, worksheet) {
    const found = cost.tornadoOf(worksheet, row.name, READ.share);
    const share = `${Math.round(READ.share * 100)}%`;
    const crossing = found.bars.filter((bar) => bar.at_low < 0 !== bar.at_high < 0);
    const said = crossing.length
      ? `The value changes its sign with ${crossing.map((bar) => fieldLabel(bar.name)).join(", ")}.`
      : "No single one of them changes its sign.";
    $("tornado-lead").textContent =
      `Net present value of ${row.name}, ${cost.usd(found.npv_usd)}, when one input is lowered or raised by ${share}. ${said}`;
    const bars = found.bars.slice(0, MOST_BARS);
    $("tornado").hidden = !bars.length;
    const more = found.bars.length - bars.length;
    $("tornado-text").textContent = [
      bars.length ? "" : "No input can be moved.",
      more > 0 ? `${more} more move it less; they are in the table.` : "",
    ].join(" ").trim();
    $("tornado-legend").replaceChildren(
      legendItem("gkc-swatch-low", `lowered by ${share}`),
      legendItem("gkc-swatch-high", `raised by ${share}; both ends name the input's value`),
    );
    if (bars.length) $("tornado").replaceChildren(tornadoSvg(row, found, share));
    $("bars").querySelector("tbody").replaceChildren(...found.bars.map(barRow));
  }

  const tornadoSvg = (row, found, share) =>
    cost.tornadoChart({
      id: "gkc-chart-tornado",
      width: widthOf($("tornado")),
      title: `Net present value of ${row.name} with each input moved by ${share}`,
      description: found.bars.slice(0, 3).map((bar) => `${fieldLabel(bar.name)}: ${cost.usd(bar.at_low)} to ${cost.usd(bar.at_high)}`).join("; "),
      found,
      most: MOST_BARS,
      label: fieldLabel,
      value: inputText,
    });

  const barRow = (bar) =>
    make(
      "tr", {}, make("th", { scope: "row" }, bdi(fieldLabel(bar.name))),
      ...[inputText(bar.name, bar.low_input), cost.usd(bar.at_low), inputText(bar.name, bar.high_input), cost.usd(bar.at_high), cost.usd(bar.swing)].map((words) =>
        make("td", { class: "gkc-r" }, words),
      ),
    );

  // Command and link

  /** Return all changes of the file's own numbers: those that the page was made with, then those made here. */
  const allChanges = () => {
    const before = BASE.inputs.filter((one) => /^--(set|preset)\b/.test(one.source) && one.value !== null);
    return { ...Object.fromEntries(before.map((one) => [one.name, one.value])), ...state.changes };
  };

  function showCommand() {
    $("command").textContent = cost.commandOf(READ.source, allChanges());
    const hash = cost.hashOf(state.changes);
    const now = location.hash;
    if (hash !== now && (hash || now.includes("="))) history.replaceState(null, "", hash || location.pathname + location.search);
  }

  async function copy(words, said) {
    try {
      await navigator.clipboard.writeText(words);
    } catch {
      const area = make("textarea", { style: "position:fixed;opacity:0" });
      area.value = words;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    $("copied").textContent = said;
    setTimeout(() => ($("copied").textContent = ""), 4000);
  }

  // All of it

  let timer = 0;
  let frame = 0;

  function say(words) {
    clearTimeout(timer);
    const tell = () => ($("advice").textContent !== words ? ($("advice").textContent = words) : null);
    if ($("advice").textContent) timer = setTimeout(tell, 250);
    else tell();
  }

  function warn(words) {
    $("warning").hidden = !words;
    $("warning").textContent = words;
  }

  function update() {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(draw);
  }

  function draw() {
    const worksheet = cost.withValues(BASE, state.changes, "changed on the page");
    showInputs();
    showCommand();
    for (const id of ["card-even", "card-tornado", "card-rules", "tiles"]) $(id).hidden = true;
    try {
      const table = cost.tableOf(worksheet);
      warn(state.unknown);
      say(table.advice);
      showChooser(table);
      showTable(table);
      const row = table.rows.find((one) => one.name && one.name === state.option);
      if (row) showOption(row, table, worksheet);
    } catch (error) {
      if (!(error instanceof cost.InputError)) throw error;
      say("With these inputs nothing can be computed.");
      warn(error.toString().replace("\n  fix: ", "\nTo fix it: "));
    }
  }

  function showOption(row, table, worksheet) {
    for (const id of ["card-even", "card-tornado", "card-rules", "tiles"]) $(id).hidden = false;
    showTiles(row);
    showRules(row);
    showLines(row, table);
    showEven(row, worksheet);
    showTornado(row, worksheet);
  }

  function restore() {
    const { changes, unknown } = cost.changesOf(location.hash, (name) => GIVEN.has(name) || FIELDS.has(name));
    for (const name of Object.keys(changes)) if (changes[name] === originalOf(name)) delete changes[name];
    state.changes = changes;
    state.unknown = unknown.length ? `The link names what this page does not have: ${unknown.join(", ")}.` : "";
    for (const parts of state.rows.values()) clearError(parts);
    draw();
  }

  function pick(name) {
    state.option = name;
    update();
  }

  function start() {
    $("app").hidden = false;
    makeGroups();
    $("notes").replaceChildren(...BASE.notes.map((note) => make("li", {}, bdi(note))));
    $("inputs").addEventListener("submit", (event) => event.preventDefault());
    $("option").addEventListener("change", (event) => pick(event.target.value));
    $("rows").addEventListener("click", (event) => {
      const button = event.target.closest("[data-option]");
      if (button) pick(button.dataset.option);
    });
    $("reset").addEventListener("click", () => {
      state.changes = Object.create(null);
      for (const parts of state.rows.values()) clearError(parts);
      update();
    });
    $("copy").addEventListener("click", () => copy($("command").textContent, "The command is copied."));
    $("link").addEventListener("click", () => copy(location.href, "The link is copied."));
    root.addEventListener("hashchange", () => location.hash.includes("=") && restore());
    let width = 0;
    new ResizeObserver(([entry]) => {
      if (Math.abs(entry.contentRect.width - width) < 1) return;
      width = entry.contentRect.width;
      update();
    }).observe($("app"));
    restore();
  }

  start();
})(globalThis);
