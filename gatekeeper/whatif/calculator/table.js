/* What gatekeeper.whatif computes from a worksheet, under the same names in camelCase: the table of alternatives with
 * rules and advice, and the tornado. Needs cost.js. The worksheet is the JSON document of Python's, read by
 * `worksheetOf`; its `constants` (defaults, codes, kinds, meanings of inputs) come from Python, so that none is here.
 */
(function (root) {
  "use strict";

  const cost = root.gatekeeperCost;
  const { InputError, atLeast, minus } = cost;
  const TEACHER = "teacher";
  const TOKENS = ["input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens"];
  const TIER_PRICES = ["input_per_m", "output_per_m", "cached_input_per_m", "cache_write_per_m"];
  /** Counts that are large enough for a share of them to be a count again. */
  const SCALE = ["generation_examples", "label_rows", "evaluation_rows"];

  // The worksheet

  const numberOrNull = (text) => (text === null || text === undefined ? null : Number(text));

  function tierOf(tier) {
    const prices = TIER_PRICES.map((name) => [name, numberOrNull(tier[name])]);
    return { above_input_tokens: Number(tier.above_input_tokens), ...Object.fromEntries(prices) };
  }

  /** Return a worksheet whose decimals, texts in JSON, are numbers. */
  function worksheetOf(read) {
    return {
      ...read,
      inputs: read.inputs.map((one) => ({ ...one, value: numberOrNull(one.value) })),
      options: read.options.map((one) => ({
        ...one,
        tiers: one.tiers.map(tierOf),
        hourly_weights: one.hourly_weights.map(Number),
      })),
      requests: read.requests.map((one) => Object.fromEntries(TOKENS.map((name) => [name, Number(one[name])]))),
    };
  }

  /** Return a copy in which inputs have other values, which are then assumed; inputs that it lacks are added. */
  function withValues(worksheet, values, source = "--set") {
    const changed = (name) => ({ name, value: values[name], origin: "assumed", source, as_of: null });
    const have = new Set(worksheet.inputs.map((one) => one.name));
    const inputs = worksheet.inputs.map((one) => (one.name in values ? { ...one, ...changed(one.name) } : one));
    const added = Object.keys(values).filter((name) => !have.has(name));
    return { ...worksheet, inputs: [...inputs, ...added.map((name) => ({ unit: "", ...changed(name) }))] };
  }

  function optionOf(worksheet, name) {
    const found = worksheet.options.find((one) => one.name === name);
    if (!found) throw new InputError(`no option is named '${name}'`);
    return found;
  }

  const within = (worksheet, group, kind) => worksheet.constants.kinds[group].includes(kind);

  /** The numbers of a worksheet by name; it remembers which ones were asked for. */
  class Values {
    constructor(worksheet) {
      const given = worksheet.inputs.filter((one) => one.value !== null);
      this.values = new Map(given.map((one) => [one.name, one.value]));
      this.defaults = worksheet.constants.defaults;
      this.read = new Set();
    }

    has(key) {
      return this.values.has(key);
    }

    get(key) {
      this.read.add(key);
      if (!this.values.has(key)) {
        throw new InputError(`${key} is not given`, `give it, for example with --set ${key}=...`, key);
      }
      return this.values.get(key);
    }

    optional(key) {
      return this.has(key) ? this.get(key) : null;
    }

    either(key, other) {
      return this.get(this.has(key) ? key : other);
    }

    default(key, value) {
      if (this.has(key)) return this.get(key);
      if (value !== undefined) return value;
      const name = key.slice(key.lastIndexOf(".") + 1);
      return name in this.defaults ? Number(this.defaults[name]) : 0;
    }
  }

  function whole(value, name) {
    if (!Number.isInteger(value)) throw new InputError(`${name} is ${value}`, "a whole number");
    return value;
  }

  // Prices

  function pricesOf(values, seller, model, tiers) {
    const standard = {
      model,
      input_per_m: values.get(`${seller}.input_per_m`),
      output_per_m: values.get(`${seller}.output_per_m`),
      cached_input_per_m: values.optional(`${seller}.cached_input_per_m`),
      cache_write_per_m: values.optional(`${seller}.cache_write_per_m`),
      per_request: values.default(`${seller}.usd_per_call`, 0),
      tiers,
    };
    if (!values.has(`${seller}.batch_input_per_m`) || !values.has(`${seller}.batch_output_per_m`)) return { standard };
    const batch = {
      model,
      input_per_m: values.get(`${seller}.batch_input_per_m`),
      output_per_m: values.get(`${seller}.batch_output_per_m`),
      cached_input_per_m: values.optional(`${seller}.batch_cached_input_per_m`),
      per_request: standard.per_request,
    };
    return { standard, batch };
  }

  function meanTokens(option, values) {
    const count = (name) => {
      const own = `${option.name}.${name}`;
      return values.has(own) || values.has(name) ? values.either(own, name) : 0;
    };
    return Object.fromEntries(TOKENS.map((name) => [name, count(name)]));
  }

  /** Return the single requests as an option sees them: scaled so that their mean is the option's mean. */
  function requestsOf(worksheet, option, values) {
    const [mean, sample] = [meanTokens(option, values), worksheet.requests];
    const factors = TOKENS.map((name) => {
      const total = sample.reduce((sum, one) => sum + one[name], 0);
      return total ? (mean[name] * sample.length) / total : null;
    });
    const scaled = (one, name, factor) => (factor === null ? mean[name] : one[name] * factor);
    return sample.map((one) =>
      Object.fromEntries(TOKENS.map((name, place) => [name, scaled(one, name, factors[place])])),
    );
  }

  function pricedRequests(worksheet, option, values, tiers) {
    const mean = meanTokens(option, values);
    if (!tiers.length || !worksheet.requests.length) return [mean];
    const single = requestsOf(worksheet, option, values);
    const lowest = Math.min(...tiers.map((tier) => tier.above_input_tokens));
    // Where no request reaches a tier, the price is linear in the tokens, and the mean request costs the mean.
    return single.every((one) => atLeast(lowest, one.input_tokens)) ? [mean] : single;
  }

  function batchShareOf(option, seller, values) {
    const own = values.optional(`${option.name}.batch_share`);
    return own === null ? values.default(`${seller}.batch_share`, 0) : own;
  }

  function apiUsdPerRequest(worksheet, option, values, batchShare = null) {
    const seller = within(worksheet, "at_the_teacher", option.kind) ? TEACHER : option.name;
    const tiers = seller === TEACHER ? optionOf(worksheet, TEACHER).tiers : option.tiers;
    const prices = pricesOf(values, seller, option.model || option.name, tiers);
    const use = {
      batch_share: batchShare === null ? batchShareOf(option, seller, values) : batchShare,
      retry_rate: values.default(`${seller}.retry_rate`, 0),
    };
    return cost.apiCost(pricedRequests(worksheet, option, values, tiers), prices, use).usd;
  }

  // Options

  function machinesOf(option, values) {
    const { name } = option;
    const count = (what, value) => whole(values.default(`${name}.${what}`, value), `${name}.${what}`);
    const serving = {
      usd_per_hour: values.get(`${name}.usd_per_hour`),
      target_utilisation: values.default(`${name}.target_utilisation`),
      min_replicas: count("min_replicas"),
      redundancy: count("redundancy"),
      overhead: values.default(`${name}.overhead`),
      units: count("machines_per_replica", 1),
      scale_to_zero: values.default(`${name}.scale_to_zero`, 0) !== 0,
    };
    return {
      serving,
      capacity_rps: values.get(`${name}.capacity_rps`),
      peak_to_average: values.default("peak_to_average"),
      hourly_weights: option.hourly_weights,
    };
  }

  /** Return a cascade, c_s + c_ver + e c_t, or a router, c_rt + w c_t + (1 - w) c_s. */
  function withTeacher(worksheet, option, values, quality) {
    const student = alternativeOf(worksheet, optionOf(worksheet, option.of), values);
    const teacher = alternativeOf(worksheet, optionOf(worksheet, TEACHER), values);
    const share = values.get(`${option.name}.teacher_share`);
    let [asked, machines] = [1, student.machines];
    if (option.kind === "router") {
      asked = minus(1, share);
      if (machines !== null) {
        // The student sees the share 1 - w of the traffic: each replica takes 1 / (1 - w) of all requests.
        if (asked <= 0) {
          throw new InputError(`${option.name}.teacher_share is ${share}`, "below 1, else no student is needed");
        }
        machines = { ...machines, capacity_rps: machines.capacity_rps / asked };
      }
    }
    return {
      name: option.name,
      usd_per_request: values.default(`${option.name}.verifier_usd`, 0) + asked * student.usd_per_request,
      teacher_usd_per_request: share * teacher.usd_per_request,
      fixed_usd_per_month: student.fixed_usd_per_month,
      machines,
      quality,
      passes: option.passes,
    };
  }

  /** Return what an option costs per request, per month and in machines, with its quality. */
  function hostingOf(option, values) {
    const key = `${option.name}.hosting_usd_per_hour`;
    return option.kind === "fine_tuned_hosted" ? values.get(key) : values.default(key, 0);
  }

  function alternativeOf(worksheet, option, values) {
    const same = within(worksheet, "same_answers", option.kind);
    const quality = values.optional(`${same ? TEACHER : option.name}.quality`);
    const passes = same ? true : option.passes;
    if (within(worksheet, "with_teacher", option.kind)) return withTeacher(worksheet, option, values, quality);
    const none = { name: option.name, teacher_usd_per_request: 0, quality, passes };
    if (within(worksheet, "on_machines", option.kind)) {
      const usd = values.default(`${option.name}.usd_per_call`, 0);
      return { ...none, usd_per_request: usd, fixed_usd_per_month: 0, machines: machinesOf(option, values) };
    }
    const usd = apiUsdPerRequest(worksheet, option, values);
    // Another way to use the teacher is paid at the teacher's price, which falls when the teacher's falls.
    const toTeacher = within(worksheet, "at_the_teacher", option.kind) && option.name !== TEACHER;
    return {
      ...none,
      usd_per_request: toTeacher ? 0 : usd,
      teacher_usd_per_request: toTeacher ? usd : 0,
      fixed_usd_per_month: cost.hostingCost(hostingOf(option, values)),
      machines: null,
    };
  }

  function horizonOf(worksheet, option, values) {
    const used = { [option.name]: option.retires, [TEACHER]: optionOf(worksheet, TEACHER).retires };
    if (option.of) used[option.of] = optionOf(worksheet, option.of).retires;
    return cost.horizon(worksheet.as_of, whole(values.default("horizon_months"), "horizon_months"), used);
  }

  function operationsUsd(values) {
    if (values.has("operations_usd_per_month")) return values.get("operations_usd_per_month");
    const hours = values.default("operations_hours_per_month", 0);
    return hours ? cost.operationsCost(hours, values.get("usd_per_engineering_hour")) : 0;
  }

  function auditUsd(worksheet, values) {
    const share = values.default("audit_share", 0);
    if (!share) return 0;
    const teacher = alternativeOf(worksheet, optionOf(worksheet, TEACHER), values);
    return cost.auditCost(teacher.usd_per_request, values.default("judge_usd", 0), share);
  }

  /** Return the plan of moving from `baseline` to an option; operations, audits and retraining are a student's. */
  function planOf(worksheet, option, baseline, values) {
    const student = within(worksheet, "distilled", option.kind);
    const { months } = horizonOf(worksheet, option, values);
    return {
      requests_per_month: values.get("requests_per_month"),
      growth_per_month: values.default("growth_per_month"),
      baseline,
      candidate: alternativeOf(worksheet, option, values),
      one_time: oneTimeOf(worksheet, option, values),
      operations_usd_per_month: student ? operationsUsd(values) : 0,
      audit_usd_per_request: student ? auditUsd(worksheet, values) : 0,
      retrain_usd: student ? values.default("retrain_usd", 0) : 0,
      retrain_months: whole(values.default("retrain_months"), "retrain_months"),
      price_decay_per_year: values.default("price_decay_per_year"),
      error_usd: values.default("error_usd"),
      horizon_months: Math.max(1, months),
      discount_per_year: values.default("discount_per_year"),
    };
  }

  // Once

  function generationUsd(worksheet, values) {
    const kept = values.default("generation_examples", 0);
    if (!kept) return 0;
    let each = values.optional("generation_usd_per_example");
    if (each === null) {
      const share = values.optional("generation_batch_share");
      each = apiUsdPerRequest(worksheet, optionOf(worksheet, TEACHER), values, share);
    }
    return cost.generationCost(Math.trunc(kept), each, values.default("generation_yield", 1));
  }

  function labelsUsd(values) {
    const rows = values.default("label_rows", 0);
    if (!rows) return 0;
    const votes = Math.trunc(values.default("label_votes"));
    return cost.labelCost(Math.trunc(rows), votes, values.default("usd_per_label"));
  }

  function trainingUsd(option, values) {
    for (const name of [option.name, option.of].filter(Boolean)) {
      if (values.has(`${name}.training_usd`)) return values.get(`${name}.training_usd`);
      if (values.has(`${name}.training_per_m`)) {
        const tokens = values.get("generation_examples") * values.get("training_tokens_per_example");
        const epochs = Math.trunc(values.default("training_epochs", 1));
        return cost.tokenTrainingCost(tokens, values.get(`${name}.training_per_m`), { epochs });
      }
    }
    const tuned = option.kind === "fine_tuned_tokens" || option.kind === "fine_tuned_hosted";
    // Is not given: examples are trained on, and that has a price.
    if (tuned && values.default("generation_examples", 0)) return values.get(`${option.name}.training_per_m`);
    return 0;
  }

  function evaluationUsd(worksheet, option, values) {
    const rows = values.default("evaluation_rows", 0);
    if (!rows) return 0;
    const teacher = apiUsdPerRequest(worksheet, optionOf(worksheet, TEACHER), values);
    const asked = option.of ? optionOf(worksheet, option.of) : option;
    const own = within(worksheet, "on_machines", asked.kind);
    const student = own ? 0 : apiUsdPerRequest(worksheet, asked, values);
    return cost.evaluationCost(Math.trunc(rows), teacher, student, values.default("judge_usd", 0));
  }

  function engineeringLine(values) {
    const hours = values.default("engineering_hours", 0);
    if (!hours) return { name: "engineering" };
    const rate = values.get("usd_per_engineering_hour");
    const ahead = Math.min(values.default("deployment_hours", hours), hours);
    const spent = cost.engineeringCost(minus(hours, ahead), rate);
    return { name: "engineering", spent_usd: spent, ahead_usd: cost.engineeringCost(ahead, rate) };
  }

  function oneTimeOf(worksheet, option, values) {
    if (within(worksheet, "same_answers", option.kind)) return cost.addLines([]);
    const evaluation = () => ({ name: "evaluation", ahead_usd: evaluationUsd(worksheet, option, values) });
    if (!within(worksheet, "distilled", option.kind)) return cost.addLines([evaluation()].filter(hasUsd));
    // Evaluation is read first, as in Python, so that the same missing input is named first.
    const line = evaluation();
    const lines = [
      { name: "spent so far", spent_usd: values.default("spent_usd", 0) },
      { name: "generation", ahead_usd: generationUsd(worksheet, values) },
      { name: "labels", ahead_usd: labelsUsd(values) },
      { name: "training", ahead_usd: trainingUsd(option, values) },
      line,
      engineeringLine(values),
      { name: "integration", ahead_usd: values.default("integration_usd", 0) },
    ];
    return cost.addLines(lines.filter(hasUsd));
  }

  const hasUsd = (line) => Boolean(line.spent_usd || line.ahead_usd);

  // Rules

  /** Write a number with `count` significant digits and never with an exponent. */
  function digits(number, count) {
    const rounded = Number(number.toPrecision(count));
    if (Math.abs(rounded) >= 1e21) return BigInt(rounded).toString();
    if (rounded !== 0 && Math.abs(rounded) < 1e-6) return rounded.toFixed(40).replace(/0+$/, "");
    return String(rounded);
  }

  function qualityRule(option) {
    const outcome = option.passes === null ? "inconclusive" : option.passes ? "pass" : "fail";
    const said = {
      inconclusive: "Nobody has judged its answers on this task.",
      pass: "Its answers pass the quality gate.",
      fail: "Its answers fail the quality gate.",
    }[outcome];
    const sentence = option.passes_source ? `${said.slice(0, -1)} (${option.passes_source}).` : said;
    return { rule: "quality", outcome, value: null, limit: null, sentence };
  }

  function reductionRule(outlook, values) {
    const limit = values.optional("gate.reduction");
    if (limit === null) return null;
    const value = outlook.reduction;
    const said = value === null ? "costs nothing a month" : `costs 1/${digits(value, 3)} of the baseline's month`;
    return {
      rule: "reduction",
      outcome: value === null || atLeast(value, limit) ? "pass" : "fail",
      value,
      limit,
      sentence: `It ${said}; required is a factor of ${limit}.`,
    };
  }

  function paybackRule(outlook, values) {
    const limit = values.optional("gate.payback_months");
    if (limit === null) return null;
    const value = outlook.forward.payback_months;
    const sentence =
      value === null
        ? "What is still to be spent never comes back."
        : `What is still to be spent comes back in ${value.toFixed(1)} months; at most ${limit} are allowed.`;
    const outcome = value !== null && atLeast(limit, value) ? "pass" : "fail";
    return { rule: "payback", outcome, value, limit, sentence };
  }

  /** The planned volume divided by the safety factor must still earn the program back. */
  function volumeRule(outlook, values) {
    const safety = values.optional("gate.volume_safety");
    const volumes = outlook.volumes_with_program;
    if (safety === null || volumes === null) return null;
    const planned = values.get("requests_per_month");
    const now = cost.contains(volumes, planned);
    const passed = now && cost.contains(volumes, planned / safety);
    const sentence = now
      ? "It earns everything back within the horizon at the planned volume and " +
        `${passed ? "also" : "not"} at 1/${safety} of it.`
      : "It does not earn everything back within the horizon at the planned volume.";
    return { rule: "volume", outcome: passed ? "pass" : "fail", value: planned, limit: safety, sentence };
  }

  function lifetimeRule(worksheet, option, outlook, values) {
    const limit = values.optional("gate.months_after_payback");
    const names = [option.name, option.of, TEACHER].filter(Boolean);
    const days = names.map((name) => optionOf(worksheet, name).retires).filter(Boolean);
    if (limit === null || !days.length) return null;
    const day = days.reduce((soonest, one) => (one < soonest ? one : soonest));
    const payback = outlook.forward.payback_months;
    const left = payback === null ? null : minus(cost.monthsBetween(worksheet.as_of, day), payback);
    const said = left === null ? "never pays back" : `has ${left.toFixed(1)} months left after payback`;
    return {
      rule: "lifetime",
      outcome: left !== null && atLeast(left, limit) ? "pass" : "fail",
      value: left,
      limit,
      sentence: `The first of its models retires on ${day}: it ${said}; required are ${limit}.`,
    };
  }

  function rulesOf(worksheet, option, outlook, values, measured) {
    const rules = [
      qualityRule(option),
      reductionRule(outlook, values),
      paybackRule(outlook, values),
      volumeRule(outlook, values),
      lifetimeRule(worksheet, option, outlook, values),
    ];
    if (!measured) {
      const sentence = "The speed of its machines is assumed; measure it, or import a benchmark.";
      rules.push({ rule: "capacity_measured", outcome: "inconclusive", value: null, limit: null, sentence });
    }
    return rules.filter((rule) => rule !== null);
  }

  function worst(rules) {
    const found = rules.map((rule) => rule.outcome);
    return ["fail", "inconclusive"].find((outcome) => found.includes(outcome)) || "pass";
  }

  // The table

  /** Return the cheapest option without a student that passes the quality gate; the incumbent always does. */
  function baselineOf(worksheet, values) {
    const found = [];
    for (const option of worksheet.options) {
      const gone = option.name !== TEACHER && option.retires && option.retires <= worksheet.as_of;
      if (within(worksheet, "distilled", option.kind) || gone) continue;
      try {
        const one = alternativeOf(worksheet, option, values);
        cost.monthBill(one, values.get("requests_per_month"), { error_usd: values.default("error_usd") });
        found.push(one);
      } catch (error) {
        if (!(error instanceof InputError) || option.name === TEACHER) throw error;
      }
    }
    return cost.cheapest(found, values.get("requests_per_month"), values.default("error_usd"));
  }

  function measuredSpeed(worksheet, option) {
    const name = `${option.of || option.name}.capacity_rps`;
    const capacity = worksheet.inputs.find((one) => one.name === name);
    return !capacity || capacity.origin === "measured";
  }

  const EMPTY = {
    quality: null,
    usd_per_request: null,
    bill: null,
    one_time: null,
    teacher_reduction: null,
    compared_with: "",
    outlook: null,
    horizon_limited_by: null,
    rules: [],
    outcome: null,
    missing: "",
    needs: null,
  };

  function startRow(worksheet, { kind, name, model, passes }) {
    return { ...EMPTY, code: worksheet.constants.codes[kind], kind, name, model, passes };
  }

  function rowOf(worksheet, option, teacher, baseline, values) {
    const row = startRow(worksheet, option);
    const other = within(worksheet, "distilled", option.kind) ? baseline : teacher;
    try {
      const plan = planOf(worksheet, option, other, values);
      return { ...row, ...numbersOf(worksheet, option, plan, teacher, values), compared_with: other.name };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return { ...row, missing: error.toString(), needs: error.needs };
    }
  }

  function numbersOf(worksheet, option, plan, teacher, values) {
    const outlook = cost.outlookOf(plan);
    const bill = outlook.candidate;
    const incumbent = cost.monthBill(teacher, plan.requests_per_month, { error_usd: plan.error_usd }).usd;
    const judged = { ...option, passes: plan.candidate.passes };
    const isTeacher = option.name === TEACHER;
    const rules = isTeacher ? [] : rulesOf(worksheet, judged, outlook, values, measuredSpeed(worksheet, option));
    return {
      passes: plan.candidate.passes,
      quality: plan.candidate.quality,
      usd_per_request: bill.usd / plan.requests_per_month,
      bill,
      one_time: plan.one_time,
      teacher_reduction: bill.usd ? incumbent / bill.usd : null,
      outlook: rules.length ? outlook : null,
      horizon_limited_by: horizonOf(worksheet, option, values).limited_by,
      rules,
      outcome: rules.length ? worst(rules) : null,
    };
  }

  function emptyRow(worksheet, kind) {
    const row = startRow(worksheet, { kind, name: "", model: "", passes: null });
    return { ...row, missing: `not measured: give ${worksheet.constants.to_give[kind]}` };
  }

  const cheapestRow = (rows) =>
    rows.reduce((best, row) => (best === null || cost.above(best.bill.usd, row.bill.usd) ? row : best), null);

  const timesOf = (row) =>
    row.teacher_reduction === null ? "infinitely" : `${digits(row.teacher_reduction, 3)} times`;

  /** Return whether distilling is needed: not where something that needs no student already passes every rule. */
  function adviceOf(worksheet, rows, baseline) {
    const student = (row) => within(worksheet, "distilled", row.kind);
    const month = (row) => cost.formatUsd(row.bill.usd);
    const enough = cheapestRow(rows.filter((row) => !student(row) && row.outcome === "pass"));
    if (enough) {
      return (
        `Do not distil: ${enough.name} passes the gate and costs ${month(enough)} a month, ` +
        `${timesOf(enough)} less than the incumbent, without a student.`
      );
    }
    const passing = cheapestRow(rows.filter((row) => student(row) && row.outcome === "pass"));
    const best = passing || cheapestRow(rows.filter((row) => student(row) && row.outcome === "inconclusive"));
    const said = adviceOnStudent(best, rows, baseline);
    const untried = cheapestRow(rows.filter((row) => !student(row) && row.outcome === "inconclusive"));
    if (!untried || (best && best.bill.usd <= untried.bill.usd)) return said;
    return `${said} First judge ${untried.name}: at ${month(untried)} a month it needs no student, if its answers pass.`;
  }

  function adviceOnStudent(student, rows, baseline) {
    if (!student) return `Stay with ${baseline}: no option that is known here meets every rule.`;
    if (student.outcome === "pass") {
      const held = rows.find((row) => row.name === baseline);
      const [own, other] = [student, held].map((row) => cost.formatUsd(row.bill.usd));
      return `${student.name} meets every rule: ${own} a month instead of ${other} with ${baseline}.`;
    }
    const why = student.rules.find((rule) => rule.outcome === "inconclusive").sentence;
    return `No answer yet: ${student.name} fails no rule, but one is open. ${why}`;
  }

  /** Return all alternatives at the planned volume; throws InputError where the teacher itself cannot be priced. */
  function tableOf(worksheet) {
    const values = new Values(worksheet);
    const baseline = baselineOf(worksheet, values);
    const teacher = alternativeOf(worksheet, optionOf(worksheet, TEACHER), values);
    const rows = worksheet.options.map((option) => rowOf(worksheet, option, teacher, baseline, values));
    const kinds = new Set(worksheet.options.map((option) => option.kind));
    const others = Object.keys(worksheet.constants.codes).filter((kind) => !kinds.has(kind));
    rows.push(...others.map((kind) => emptyRow(worksheet, kind)));
    rows.sort((one, other) => Number(one.code.slice(1)) - Number(other.code.slice(1)));
    return {
      name: worksheet.name,
      requests_per_month: values.get("requests_per_month"),
      baseline: baseline.name,
      rows,
      advice: adviceOf(worksheet, rows, baseline.name),
    };
  }

  // Questions about one option

  /** Return the option that questions without a name are about: the cheapest student that fails least; "" is none. */
  function bestOption(worksheet, table) {
    const rank = ["pass", "inconclusive", "fail"];
    const order = (row) => [within(worksheet, "distilled", row.kind) ? 0 : 1, rank.indexOf(row.outcome), row.bill.usd];
    const before = (one, other) => {
      const place = one.findIndex((value, index) => value !== other[index]);
      return place >= 0 && one[place] < other[place];
    };
    const rows = table.rows.filter((row) => row.outcome !== null && row.bill !== null);
    const best = rows.reduce((found, row) => (found === null || before(order(row), order(found)) ? row : found), null);
    return best === null ? "" : best.name;
  }

  /** Return the plan of moving to an option from what it would replace. */
  function planFor(worksheet, name, values) {
    const option = optionOf(worksheet, name);
    const other = within(worksheet, "distilled", option.kind)
      ? baselineOf(worksheet, values)
      : alternativeOf(worksheet, optionOf(worksheet, TEACHER), values);
    return planOf(worksheet, option, other, values);
  }

  /** Return the net present value of moving to an option, all of its one-time cost included. */
  function npvOf(worksheet, name, values = new Values(worksheet)) {
    const plan = planFor(worksheet, name, values);
    return cost.npv(plan.one_time.program_usd, cost.monthlySavings(plan), plan.discount_per_year);
  }

  /** Return { unit, kind } of an input, or null: no input has such a name. */
  function meaningOf(worksheet, key) {
    const { general, of_option: ofOption } = worksheet.constants.meanings;
    if (key in general) return general[key];
    const dot = key.lastIndexOf(".");
    const option = key.slice(0, Math.max(0, dot));
    return option && option !== "gate" ? ofOption[key.slice(dot + 1)] || null : null;
  }

  function endsOf(worksheet, values, key, share) {
    const meaning = meaningOf(worksheet, key);
    const value = values.get(key);
    if (!value || meaning === null || key.startsWith("gate.")) return null;
    if (meaning.kind === "count" && !SCALE.includes(key)) return null;
    const high = value * (1 + share);
    return [value * (1 - share), meaning.kind === "share" ? Math.min(high, 1) : high];
  }

  function npvAt(worksheet, name, key, value) {
    try {
      return npvOf(withValues(worksheet, { [key]: value }), name);
    } catch (error) {
      if (error instanceof InputError) return null;
      throw error;
    }
  }

  /** Return how the net present value of an option moves with each input that it rests on, the largest swing first. */
  function tornadoOf(worksheet, name, share = 0.2) {
    const values = new Values(worksheet);
    const base = npvOf(worksheet, name, values);
    const [bars, leftOut] = [[], []];
    for (const key of [...values.read].filter((one) => values.has(one))) {
      const ends = endsOf(worksheet, values, key, share);
      const [low, high] = ends === null ? [null, null] : ends.map((end) => npvAt(worksheet, name, key, end));
      if (low === null || high === null) leftOut.push(key);
      else {
        const swing = Math.abs(minus(high, low));
        bars.push({ name: key, low_input: ends[0], high_input: ends[1], at_low: low, at_high: high, swing });
      }
    }
    const moved = bars.filter((bar) => bar.swing).sort((one, other) => other.swing - one.swing);
    return { option: name, share, npv_usd: base, bars: moved, left_out: leftOut };
  }

  Object.assign(cost, {
    Values,
    worksheetOf,
    withValues,
    optionOf,
    alternativeOf,
    baselineOf,
    planOf,
    planFor,
    oneTimeOf,
    rulesOf,
    tableOf,
    bestOption,
    npvOf,
    meaningOf,
    tornadoOf,
  });
})(globalThis);
