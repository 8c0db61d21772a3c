/* What gatekeeper.cost computes, function by function under the same name in camelCase, for a browser or any other
 * engine: no modules, no DOM, no Intl. Records keep the field names of the JSON documents (usd_per_request).
 *
 * Numbers are doubles where Python has decimals. So two amounts that agree to 1e-12 of their size count as equal:
 * before a replica is rounded up, before a saving is called above zero, and where a limit is met exactly. Otherwise
 * 0.1 + 0.2 would buy a machine that decimals do not buy. Formulas and sources: the docstrings of gatekeeper.cost.
 */
(function (root) {
  "use strict";

  const HOURS_PER_MONTH = 730;
  const MILLION = 1e6;
  const SAME = 1e-12;
  const MOST_STEPS = 10000;
  const FLOPS_PER_PARAMETER = { full: 6, lora: 4 };
  const RECOMPUTE = 2;

  /** What the user gave cannot be computed with; `needs` names the input that is missing, where one is. */
  class InputError extends Error {
    constructor(message, hint, needs) {
      super(message);
      this.name = "InputError";
      this.hint = hint || "";
      this.needs = needs || null;
    }

    toString() {
      return this.hint ? `${this.message}\n  fix: ${this.hint}` : this.message;
    }
  }

  // Comparisons

  const near = (one, other) => Math.abs(one - other) <= SAME * Math.max(Math.abs(one), Math.abs(other));
  const atLeast = (one, other) => one >= other || near(one, other);
  const above = (one, other) => one > other && !near(one, other);
  /** Return one - other, and 0 where they are the same amount. */
  const minus = (one, other) => (near(one, other) ? 0 : one - other);
  const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);

  /** Return a sum, and 0 where it is only what rounding left of larger parts. */
  function total(numbers) {
    const found = sum(numbers);
    const size = numbers.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
    return Math.abs(found) <= SAME * size ? 0 : found;
  }

  function ceil(number) {
    const whole = Math.round(number);
    return near(number, whole) ? whole : Math.ceil(number);
  }

  function floor(number) {
    const whole = Math.round(number);
    return near(number, whole) ? whole : Math.floor(number);
  }

  // Checks

  function requirePositive(number, name) {
    if (!Number.isFinite(number) || number <= 0) throw new InputError(`${name} is ${number}`, "a finite number above 0");
    return number;
  }

  function requireZeroOrMore(number, name) {
    if (!Number.isFinite(number) || number < 0) {
      throw new InputError(`${name} is ${number}`, "a finite number, 0 or more");
    }
    return number;
  }

  function requireShare(number, name) {
    if (!Number.isFinite(number) || number < 0 || number > 1) {
      throw new InputError(`${name} is ${number}`, "a share from 0 to 1");
    }
    return number;
  }

  function requireFinite(number, name) {
    if (!Number.isFinite(number)) throw new InputError(`${name} is ${number}`, "a finite number");
    return number;
  }

  // Tokens and APIs

  /** Return the prices that hold for a request with this much input: the highest tier that it crosses. */
  function ratesOf(price, inputTokens) {
    if (!price.tiers || !price.tiers.length) return price;
    const tiers = [...price.tiers].sort((a, b) => a.above_input_tokens - b.above_input_tokens);
    return tiers.reduce((chosen, tier) => (above(inputTokens, tier.above_input_tokens) ? tier : chosen), price);
  }

  const first = (...prices) => prices.find((price) => price !== null && price !== undefined);

  function checkTokens(tokens, price) {
    const { input_tokens: input, output_tokens: output = 0 } = tokens;
    const { cached_input_tokens: cached = 0, cache_write_tokens: written = 0 } = tokens;
    const counts = [input, output, cached, written, minus(input, cached + written)];
    if (!counts.every((count) => Number.isFinite(count) && count >= 0)) {
      throw new InputError(
        `a request to '${price.model}' has impossible token counts: ${input} input (${cached} cached, ${written} ` +
          `written to a cache), ${output} output`,
        "cached and written tokens are parts of the input; no count is below 0",
      );
    }
    if (input === 0 && output === 0) {
      throw new InputError(
        `a request to '${price.model}' has no token counts, so its cost is unknown`,
        "leave failed requests out, and count tokens where the provider does not report them",
      );
    }
  }

  /** Return what the parts of one request cost: fresh input, cached input, cache write, output, fee. */
  function tokenParts(tokens, price, standard) {
    checkTokens(tokens, price);
    const { input_tokens: input, output_tokens: output = 0 } = tokens;
    const { cached_input_tokens: cached = 0, cache_write_tokens: written = 0 } = tokens;
    const rates = ratesOf(price, input);
    const other = ratesOf(standard || price, input);
    const cachedRate = first(rates.cached_input_per_m, other.cached_input_per_m, rates.input_per_m);
    const writeRate = first(rates.cache_write_per_m, other.cache_write_per_m, rates.input_per_m);
    return [
      (minus(input, cached + written) * rates.input_per_m) / MILLION,
      (cached * cachedRate) / MILLION,
      (written * writeRate) / MILLION,
      (output * rates.output_per_m) / MILLION,
      price.per_request || 0,
    ];
  }

  const tokenCost = (tokens, price, standard) => sum(tokenParts(tokens, price, standard));

  function waysOf(prices, use) {
    const shares = { batch: use.batch_share || 0, flex: use.flex_share || 0 };
    for (const [name, share] of Object.entries(shares)) requireZeroOrMore(share, `${name}_share`);
    const standard = minus(1, shares.batch + shares.flex);
    if (standard < 0) {
      throw new InputError(
        `batch_share (${shares.batch}) and flex_share (${shares.flex}) add up to more than 1`,
        "the rest is sent at the standard price",
      );
    }
    const ways = standard ? [[standard, prices.standard]] : [];
    for (const [name, share] of Object.entries(shares)) {
      if (share && !prices[name]) {
        throw new InputError(
          `'${prices.standard.model}' has no ${name} price, and ${share} of its requests would be sent that way`,
          `give its ${name} price, or set the ${name} share to 0`,
        );
      }
      if (share) ways.push([share, prices[name]]);
    }
    return ways;
  }

  /** Return the mean cost of one request and its parts; each request is priced on its own. */
  function apiCost(requests, prices, use = {}) {
    if (!requests.length) {
      throw new InputError("no requests to price: the mean cost of none is undefined", "give at least one request");
    }
    const ways = waysOf(prices, use);
    const sums = [0, 0, 0, 0, 0];
    for (const tokens of requests) {
      for (const [share, price] of ways) {
        const parts = tokenParts(tokens, price, prices.standard);
        parts[4] += Math.max(0, (prices.minimum_per_request || 0) - sum(parts));
        parts.forEach((part, index) => (sums[index] += share * part));
      }
    }
    const [fresh, cached, written, output, fees] = sums.map((one) => one / requests.length);
    const once = fresh + cached + written + output + fees;
    const retries = once * requireZeroOrMore(use.retry_rate || 0, "retry_rate");
    return {
      usd: once + retries,
      fresh_input_usd: fresh,
      cached_input_usd: cached,
      cache_write_usd: written,
      output_usd: output,
      fees_usd: fees,
      retries_usd: retries,
      n_requests: requests.length,
    };
  }

  function hostingCost(usdPerHour, hours = HOURS_PER_MONTH) {
    return requireZeroOrMore(usdPerHour, "usd_per_hour of hosting") * requirePositive(hours, "hours");
  }

  // A student in front of a teacher

  function cascadeCost(student, teacher, escalation, verifier = 0) {
    const share = requireShare(escalation, "the share of escalated requests");
    const own = requireZeroOrMore(student, "student_usd") + requireZeroOrMore(verifier, "verifier_usd");
    return own + share * requireZeroOrMore(teacher, "teacher_usd");
  }

  function routerCost(student, teacher, teacherShare, router = 0) {
    const share = requireShare(teacherShare, "the teacher's share");
    const both =
      share * requireZeroOrMore(teacher, "teacher_usd") + (1 - share) * requireZeroOrMore(student, "student_usd");
    return requireZeroOrMore(router, "router_usd") + both;
  }

  /** Return the largest escalated share at which a cascade costs 1 / reduction of the teacher; null: none does. */
  function mostEscalation(student, teacher, { verifier = 0, reduction = 1 } = {}) {
    const full = requirePositive(teacher, "teacher_usd");
    const own = requireZeroOrMore(student, "student_usd") + requireZeroOrMore(verifier, "verifier_usd");
    const share = minus(1 / requirePositive(reduction, "reduction"), own / full);
    return share >= 0 ? share : null;
  }

  // Machines

  function usableRps(capacity, target) {
    if (requirePositive(target, "target_utilisation") > 1) {
      throw new InputError(`target_utilisation is ${target}, above 1`, "a share such as 0.6");
    }
    return requirePositive(capacity, "capacity in requests per second") * target;
  }

  function checkCounts(minReplicas, redundancy) {
    if (minReplicas < 0 || redundancy < 0) {
      throw new InputError(`min_replicas (${minReplicas}) and redundancy (${redundancy}) must be 0 or more`);
    }
  }

  /** Return { serving, billed }: replicas that the peak needs, and that are paid for. */
  function replicas(requestsPerMonth, machines) {
    const { serving, capacity_rps: capacity, peak_to_average: peak } = machines;
    const load = requirePositive(requestsPerMonth, "requests per month");
    if (requirePositive(peak, "peak_to_average") < 1) {
      throw new InputError(`peak_to_average is ${peak}, and a peak is never below the average`, "1 or more");
    }
    const room = usableRps(capacity, serving.target_utilisation) * HOURS_PER_MONTH * 3600;
    checkCounts(serving.min_replicas, serving.redundancy);
    const needed = ceil((load * peak) / room);
    return { serving: needed, billed: Math.max(serving.min_replicas, needed + serving.redundancy) };
  }

  /** Return the mean number of billed replicas over the hours of a day or week with these weights. */
  function meanReplicas(requestsPerMonth, weights, capacity, serving) {
    if (serving.scale_to_zero && serving.min_replicas) {
      throw new InputError(
        `scale_to_zero with min_replicas ${serving.min_replicas}`,
        "set min_replicas to 0, or do not scale",
      );
    }
    checkCounts(serving.min_replicas, serving.redundancy);
    const volume = requirePositive(requestsPerMonth, "requests per month");
    const all = sum(weights.map((weight) => requireZeroOrMore(weight, "a weight of the hourly profile")));
    const room = usableRps(capacity, serving.target_utilisation) * 3600 * HOURS_PER_MONTH;
    const denominator = requirePositive(all, "the sum of the hourly profile") * room;
    let billed = 0;
    for (const weight of weights) {
      const needed = ceil((volume * weight * weights.length) / denominator);
      if (needed || !serving.scale_to_zero) billed += Math.max(serving.min_replicas, needed + serving.redundancy);
    }
    return billed / weights.length;
  }

  /** Return what one replica costs in a month: [machine, overhead]. */
  function replicaMonth(serving, hours = HOURS_PER_MONTH) {
    const overhead = requireZeroOrMore(serving.overhead || 0, "serving overhead");
    requireZeroOrMore(serving.usd_per_hour, "serving usd_per_hour");
    const units = serving.units === undefined ? 1 : serving.units;
    if (units < 1) throw new InputError(`serving units is ${units}`, "1 or more machines make one replica");
    const machine = serving.usd_per_hour * requirePositive(hours, "hours") * units;
    return [machine, machine * overhead];
  }

  function machineMonth(requestsPerMonth, machines) {
    const weights = machines.hourly_weights || [];
    const count = weights.length
      ? meanReplicas(requestsPerMonth, weights, machines.capacity_rps, machines.serving)
      : replicas(requestsPerMonth, machines).billed;
    const [machine, overhead] = replicaMonth(machines.serving);
    return {
      replicas: count,
      machines_usd: machine * count,
      overhead_usd: overhead * count,
      usd: (machine + overhead) * count,
    };
  }

  /** Return the requests a month that one replica may take with the peak allowed for. */
  function replicaVolume(machines) {
    if ((machines.hourly_weights || []).length) {
      throw new InputError("an hourly profile has no single volume per replica", "give one peak factor instead");
    }
    const usable = usableRps(machines.capacity_rps, machines.serving.target_utilisation);
    return (usable * HOURS_PER_MONTH * 3600) / requirePositive(machines.peak_to_average, "peak_to_average");
  }

  function usdPerMillion(usdPerHour, perSecond) {
    return (requirePositive(usdPerHour, "usd_per_hour") / (requirePositive(perSecond, "speed") * 3600)) * MILLION;
  }

  function usdPerMillionOutput(monthUsd, requestsPerMonth, outputTokens) {
    const made =
      requirePositive(requestsPerMonth, "requests per month") * requirePositive(outputTokens, "output tokens");
    return monthUsd / (made / MILLION);
  }

  function economicUtilisation(requestsPerMonth, outputTokens, replicaCount, saturatedTokensPerSecond) {
    const made =
      requirePositive(requestsPerMonth, "requests per month") * requirePositive(outputTokens, "output tokens");
    const possible =
      requirePositive(replicaCount, "replicas") * requirePositive(saturatedTokensPerSecond, "saturated speed");
    const share = made / (possible * 3600 * HOURS_PER_MONTH);
    if (above(share, 1)) {
      throw new InputError(
        `the traffic has ${share.toFixed(2)} times the tokens that ${replicaCount} replicas can make`,
        "the saturated speed is that of one replica at full load; measure it again",
      );
    }
    return share;
  }

  const idleUsd = (monthUsd, utilisation) => monthUsd * (1 - utilisation);

  // Quality

  function qualityAdjustedCost(requestUsd, quality, errorUsd) {
    const missed = 1 - requireShare(quality, "quality");
    return requireZeroOrMore(requestUsd, "request_usd") + missed * requireZeroOrMore(errorUsd, "error_usd");
  }

  function costPerSuccess(requestUsd, quality) {
    const share = requireShare(quality, "quality");
    return share ? requireZeroOrMore(requestUsd, "request_usd") / share : null;
  }

  /** Return the USD per bad answer at which both cost the same; null: the student is no worse. */
  function breakEvenErrorCost(teacher, student, teacherQuality, studentQuality) {
    const gap = minus(requireShare(teacherQuality, "teacher_quality"), requireShare(studentQuality, "student_quality"));
    if (gap <= 0) return null;
    return minus(requireZeroOrMore(teacher, "teacher_usd"), requireZeroOrMore(student, "student_usd")) / gap;
  }

  // Operations

  function operationsCost(hoursPerMonth, usdPerHour) {
    return requireZeroOrMore(hoursPerMonth, "operations hours") * requireZeroOrMore(usdPerHour, "usd_per_hour");
  }

  function auditCost(teacher, judge, share) {
    const read = requireZeroOrMore(teacher, "teacher_usd") + requireZeroOrMore(judge, "judge_usd");
    return requireShare(share, "the audited share") * read;
  }

  function retrainsIn(month, everyMonths, horizonMonths) {
    if (everyMonths < 1) {
      throw new InputError(
        `retrain_months is ${everyMonths}`,
        "1 or more; set the retraining cost to 0 for never",
      );
    }
    return month % everyMonths === 0 && month < horizonMonths;
  }

  // Once

  function addLines(lines) {
    const spent = sum(lines.map((line) => requireZeroOrMore(line.spent_usd || 0, `${line.name}: spent`)));
    const ahead = sum(lines.map((line) => requireZeroOrMore(line.ahead_usd || 0, `${line.name}: ahead`)));
    const filled = lines.map((line) => ({
      name: line.name,
      spent_usd: line.spent_usd || 0,
      ahead_usd: line.ahead_usd || 0,
    }));
    return { lines: filled, program_usd: spent + ahead, forward_usd: ahead };
  }

  function generationCost(kept, usdPerExample, yieldShare = 1, filterUsd = 0) {
    if (requirePositive(yieldShare, "yield_share") > 1) {
      throw new InputError(`yield_share is ${yieldShare}, above 1`, "examples kept per example generated");
    }
    const each = requireZeroOrMore(usdPerExample, "usd_per_example") + requireZeroOrMore(filterUsd, "filter_usd");
    return (requireZeroOrMore(kept, "kept") / yieldShare) * each;
  }

  function labelCost(rows, votes, usdPerLabel) {
    if (rows < 0 || votes < 1) {
      throw new InputError(`rows (${rows}) must be 0 or more and votes (${votes}) 1 or more`);
    }
    return rows * votes * requireZeroOrMore(usdPerLabel, "usd_per_label");
  }

  function evaluationCost(rows, teacher, student, judge = 0) {
    const each = requireZeroOrMore(teacher, "teacher_usd") + requireZeroOrMore(student, "student_usd");
    return requireZeroOrMore(rows, "rows") * (each + requireZeroOrMore(judge, "judge_usd"));
  }

  function engineeringCost(hours, usdPerHour) {
    return requireZeroOrMore(hours, "engineering hours") * requireZeroOrMore(usdPerHour, "usd_per_hour");
  }

  function tokenTrainingCost(trainTokens, usdPerM, { epochs = 1, validationTokens = 0, evaluations = 0, runs = 1 } = {}) {
    if (Math.min(epochs, runs) < 1 || evaluations < 0) {
      throw new InputError(
        `epochs (${epochs}) and runs (${runs}) must be 1 or more, evaluations (${evaluations}) 0 or more`,
      );
    }
    const passed =
      epochs * requirePositive(trainTokens, "train_tokens") +
      evaluations * requireZeroOrMore(validationTokens, "validation_tokens");
    return (runs * passed * requireZeroOrMore(usdPerM, "usd_per_m of training")) / MILLION;
  }

  function hourlyTrainingCost(hours, usdPerHour) {
    return requireZeroOrMore(hours, "hours of training") * requireZeroOrMore(usdPerHour, "usd_per_hour");
  }

  function gpuHours(flops, peakFlops, mfu) {
    if (requirePositive(mfu, "mfu") > 1) throw new InputError(`mfu is ${mfu}, above 1`, "a share such as 0.35");
    return requirePositive(flops, "flops") / (requirePositive(peakFlops, "peak_flops") * mfu * 3600);
  }

  function estimateTraining(parameters, tokens, { method, peakFlops, usdPerGpuHour, mfu, recompute = false, runs = 1 }) {
    if (runs < 1) throw new InputError(`runs is ${runs}`, "1 or more, failed runs included");
    const phi = FLOPS_PER_PARAMETER[method] + (recompute ? RECOMPUTE : 0);
    const flops = phi * requirePositive(parameters, "parameters") * requirePositive(tokens, "tokens");
    const hours = runs * gpuHours(flops, peakFlops, mfu);
    return { flops, gpu_hours: hours, usd: hourlyTrainingCost(hours, usdPerGpuHour) };
  }

  // Lifetime

  /** Return the whole calendar months between two ISO days; 0 where the second is not later. */
  function monthsBetween(start, end) {
    const [year, month, day] = start.split("-").map(Number);
    const [endYear, endMonth, endDay] = end.split("-").map(Number);
    return Math.max(0, (endYear - year) * 12 + endMonth - month - (endDay < day ? 1 : 0));
  }

  /** Return { months, limited_by }: the months asked for, or those until the first retirement. */
  function horizon(start, months, retirements) {
    if (!(months >= 1 && months <= 600)) throw new InputError(`horizon_months is ${months}`, "from 1 to 600");
    let soonest = null;
    for (const [name, day] of Object.entries(retirements)) {
      const left = day ? monthsBetween(start, day) : null;
      if (left !== null && (soonest === null || left < soonest.months)) soonest = { months: left, limited_by: name };
    }
    return soonest === null || soonest.months >= months ? { months, limited_by: null } : soonest;
  }

  // A month

  function errorPart(alternative, errorUsd) {
    if (requireZeroOrMore(errorUsd, "error_usd") === 0) return 0;
    if (alternative.quality === null || alternative.quality === undefined) {
      throw new InputError(
        `${alternative.name}: a bad answer costs ${errorUsd} USD and the share of good answers is not known`,
        "measure the quality, or set error_usd to 0",
        `${alternative.name}.quality`,
      );
    }
    return qualityAdjustedCost(0, alternative.quality, errorUsd);
  }

  function monthBill(alternative, requestsPerMonth, options = {}) {
    const { error_usd: error = 0, operations_usd: operations = 0, audit_usd: audit = 0 } = options;
    const { own = 1, teacher = 1 } = options.prices || {};
    const volume = requirePositive(requestsPerMonth, "requests per month");
    const {
      usd_per_request: perRequest = 0,
      teacher_usd_per_request: perTeacher = 0,
      fixed_usd_per_month: fixed = 0,
    } = alternative;
    requireZeroOrMore(perRequest, `${alternative.name}: usd_per_request`);
    requireZeroOrMore(perTeacher, `${alternative.name}: teacher_usd_per_request`);
    requireZeroOrMore(fixed, `${alternative.name}: fixed_usd_per_month`);
    const machines = alternative.machines ? machineMonth(volume, alternative.machines) : null;
    const parts = {
      requests_usd: volume * perRequest * own,
      teacher_usd: volume * perTeacher * teacher,
      hosting_usd: fixed,
      machines_usd: machines ? machines.machines_usd : 0,
      overhead_usd: machines ? machines.overhead_usd : 0,
      operations_usd: requireZeroOrMore(operations, "operations_usd"),
      audits_usd: volume * requireZeroOrMore(audit, "audit_usd"),
      errors_usd: volume * errorPart(alternative, error),
    };
    return { ...parts, usd: sum(Object.values(parts)) };
  }

  /** Return the cheapest alternative that passes; the first wins a tie. null: none passes. */
  function cheapest(alternatives, requestsPerMonth, errorUsd = 0) {
    let best = null;
    for (const one of alternatives.filter((alternative) => alternative.passes)) {
      const usd = monthBill(one, requestsPerMonth, { error_usd: errorUsd }).usd;
      if (best === null || above(best.usd, usd)) best = { one, usd };
    }
    return best && best.one;
  }

  // A plan over months

  function volumeIn(plan, month) {
    const volume = requirePositive(plan.requests_per_month, "requests_per_month");
    return volume * requirePositive(1 + (plan.growth_per_month || 0), "1 + growth_per_month") ** (month - 1);
  }

  function priceFactor(decayPerYear, month) {
    if (requireZeroOrMore(decayPerYear, "price_decay_per_year") >= 1) {
      throw new InputError(`price_decay_per_year is ${decayPerYear}`, "a share below 1, such as 0.5");
    }
    return (1 - decayPerYear) ** ((month - 1) / 12);
  }

  function baselineBill(plan, month) {
    const factor = priceFactor(plan.price_decay_per_year || 0, month);
    const options = { error_usd: plan.error_usd || 0, prices: { own: factor, teacher: factor } };
    return monthBill(plan.baseline, volumeIn(plan, month), options);
  }

  function candidateBill(plan, month) {
    return monthBill(plan.candidate, volumeIn(plan, month), {
      error_usd: plan.error_usd || 0,
      operations_usd: plan.operations_usd_per_month || 0,
      audit_usd: plan.audit_usd_per_request || 0,
      prices: { teacher: priceFactor(plan.price_decay_per_year || 0, month) },
    });
  }

  function monthlySavings(plan) {
    if (plan.horizon_months < 1) throw new InputError(`horizon_months is ${plan.horizon_months}`, "1 or more");
    const retrain = requireZeroOrMore(plan.retrain_usd || 0, "retrain_usd");
    const every = plan.retrain_months === undefined ? 6 : plan.retrain_months;
    const savings = [];
    for (let month = 1; month <= plan.horizon_months; month += 1) {
      const saved = minus(baselineBill(plan, month).usd, candidateBill(plan, month).usd);
      savings.push(retrainsIn(month, every, plan.horizon_months) ? minus(saved, retrain) : saved);
    }
    return savings;
  }

  // Returns

  function paybackMonths(oneTimeUsd, savingUsdPerMonth) {
    if (requireFinite(oneTimeUsd, "the one-time cost") < 0) {
      throw new InputError(`the one-time cost is ${oneTimeUsd}`, "0 or more");
    }
    return requireFinite(savingUsdPerMonth, "the monthly saving") > 0 ? oneTimeUsd / savingUsdPerMonth : null;
  }

  function presentValues(savingsUsd, discountPerYear) {
    if (requireFinite(discountPerYear, "the discount") < 0) {
      throw new InputError(`the discount is ${discountPerYear} a year`, "a share of 0 or more, such as 0.10");
    }
    return savingsUsd.map(
      (saving, index) => requireFinite(saving, "a monthly saving") / (1 + discountPerYear) ** ((index + 1) / 12),
    );
  }

  function npv(oneTimeUsd, savingsUsd, discountPerYear) {
    return total([-requireFinite(oneTimeUsd, "the one-time cost"), ...presentValues(savingsUsd, discountPerYear)]);
  }

  /** Return the months until the savings have repaid the cost, discounted where asked; null: not within them. */
  function paybackIn(oneTimeUsd, savingsUsd, discountPerYear = 0) {
    const cost = requireZeroOrMore(oneTimeUsd, "the one-time cost");
    let earned = 0;
    for (const [month, saving] of presentValues(savingsUsd, discountPerYear).entries()) {
      if (saving > 0 && atLeast(earned + saving, cost)) return month + minus(cost, earned) / saving;
      earned += saving;
    }
    return null;
  }

  function paybackOf(oneTimeUsd, savingsUsd) {
    if (savingsUsd.length && savingsUsd.every((saving) => near(saving, savingsUsd[0]))) {
      return paybackMonths(oneTimeUsd, savingsUsd[0]);
    }
    return paybackIn(oneTimeUsd, savingsUsd);
  }

  function roi(oneTimeUsd, savingsUsd) {
    const cost = requireZeroOrMore(oneTimeUsd, "the one-time cost");
    return cost ? total([...savingsUsd, -cost]) / cost : null;
  }

  function signChanges(flowsUsd) {
    const signs = flowsUsd.filter((flow) => requireFinite(flow, "a cash flow") !== 0).map((flow) => flow > 0);
    return signs.filter((sign, index) => index > 0 && sign !== signs[index - 1]).length;
  }

  const polynomial = (flows, x) => flows.reduceRight((value, flow) => value * x + flow, 0);

  /** Return the internal rate a month; null where the cash flow does not change its sign exactly once. */
  function irrPerMonth(oneTimeUsd, savingsUsd) {
    let flows = [-oneTimeUsd, ...savingsUsd];
    if (signChanges(flows) !== 1) return null;
    flows = flows.slice(flows.findIndex((flow) => flow !== 0));
    const early = (x) => polynomial(flows, x) > 0 === flows[0] > 0;
    let [low, high] = [0, 1];
    while (early(high) && Number.isFinite(high)) high *= 2;
    for (let step = 0; step < 200; step += 1) {
      const middle = (low + high) / 2;
      if (early(middle)) low = middle;
      else high = middle;
    }
    return 1 / high - 1;
  }

  function npvOfWaiting(oneTimeUsd, savingsUsd, waitMonths, discountPerYear) {
    if (waitMonths < 0 || waitMonths > savingsUsd.length) {
      throw new InputError(`wait_months is ${waitMonths}`, `0 to the ${savingsUsd.length} months that are given`);
    }
    const cost = requireZeroOrMore(oneTimeUsd, "the one-time cost");
    const paid = cost / (1 + discountPerYear) ** (waitMonths / 12);
    return total([-paid, ...presentValues(savingsUsd, discountPerYear).slice(waitMonths)]);
  }

  // Volumes

  /** Return the smallest whole number of requests a month whose savings cover a fixed cost; null: none does. */
  function breakEvenVolume(fixedUsdPerMonth, savingUsdPerRequest) {
    requireFinite(fixedUsdPerMonth, "the fixed cost");
    if (requireFinite(savingUsdPerRequest, "the saving per request") <= 0) return null;
    return Math.max(0, ceil(fixedUsdPerMonth / savingUsdPerRequest));
  }

  const stepBill = (n, fixed, steps) =>
    total([Math.max(steps.min_replicas || 0, n + (steps.redundancy || 0)) * steps.replica_usd_per_month, fixed]);

  function withoutSteps(saving, fixed) {
    if (saving > 0) return [{ start: Math.max(0, fixed / saving), end: null }];
    if (fixed > 0 || (saving < 0 && fixed === 0)) return [];
    return [{ start: 0, end: saving === 0 ? null : fixed / saving }];
  }

  function withinStep(n, saving, fixed, steps) {
    const start = (n - 1) * steps.replica_requests_per_month;
    const end = n * steps.replica_requests_per_month;
    const bill = stepBill(n, fixed, steps);
    const atStart = atLeast(start * saving, bill);
    const atEnd = atLeast(end * saving, bill);
    if (atStart && atEnd) return { start, end };
    if (atEnd) return { start: bill / saving, end };
    return above(start * saving, bill) ? { start, end: bill / saving } : null;
  }

  /** Return [the last step to look at, whether all later ones pay]; see gatekeeper.cost.volumes. */
  function lastStep(earned, fixed, steps) {
    const { replica_usd_per_month: replica, redundancy = 0, min_replicas: least = 0 } = steps;
    const flat = Math.max(1, least - redundancy);
    const base = total([redundancy * replica, fixed]);
    const gain = minus(earned, replica);
    const both = total([base, earned]);
    if (gain > 0) return [Math.max(flat + 1, ceil(both / gain)), true];
    if (gain < 0) return [Math.max(flat, floor(Math.max(base / gain, both / gain))), false];
    if (base > 0) return [flat, false];
    return both <= 0 ? [flat + 1, true] : [MOST_STEPS + 1, false];
  }

  /** Return { intervals, scanned_to }: all volumes at which the candidate costs no more than the baseline. */
  function profitableIntervals(saving, fixed, steps = null) {
    requireFinite(saving, "the saving per request");
    requireFinite(fixed, "the fixed cost");
    if (!steps) return { intervals: withoutSteps(saving, fixed), scanned_to: null };
    const capacity = requirePositive(steps.replica_requests_per_month, "requests per replica");
    requireZeroOrMore(steps.replica_usd_per_month, "the cost of a replica");
    const [last, endless] = lastStep(saving * capacity, fixed, steps);
    const found = [];
    for (let n = 1; n <= Math.min(last, MOST_STEPS); n += 1) {
      const one = withinStep(n, saving, fixed, steps);
      const before = found[found.length - 1];
      if (one && before && near(before.end, one.start)) before.end = one.end;
      else if (one) found.push(one);
    }
    if (last > MOST_STEPS) return { intervals: found, scanned_to: MOST_STEPS * capacity };
    if (endless && found.length) found[found.length - 1].end = null;
    return { intervals: found, scanned_to: null };
  }

  const contains = (volumes, volume) =>
    volumes.intervals.some((one) => atLeast(volume, one.start) && (one.end === null || atLeast(one.end, volume)));

  // Results of a plan

  const ratio = (one, other) => (other ? one / other : null);

  function returnsOf(oneTimeUsd, savings, discount) {
    return {
      one_time_usd: oneTimeUsd,
      payback_months: paybackOf(oneTimeUsd, savings),
      discounted_payback_months: paybackIn(oneTimeUsd, savings, discount),
      npv_usd: npv(oneTimeUsd, savings, discount),
      roi: roi(oneTimeUsd, savings),
      irr_per_month: irrPerMonth(oneTimeUsd, savings),
      sign_changes: signChanges([-oneTimeUsd, ...savings]),
    };
  }

  const perRequest = (one) => (one.usd_per_request || 0) + (one.teacher_usd_per_request || 0);

  function volumesOf(plan, monthlyProgram) {
    const { baseline: base, candidate: mine } = plan;
    const machines = mine.machines || null;
    if (base.machines || (machines && (machines.hourly_weights || []).length)) return null;
    const error = plan.error_usd || 0;
    const saving = minus(perRequest(base) + errorPart(base, error), perRequest(mine) + errorPart(mine, error));
    const fixed = total([
      mine.fixed_usd_per_month || 0,
      -(base.fixed_usd_per_month || 0),
      plan.operations_usd_per_month || 0,
      monthlyProgram,
    ]);
    const steps = machines && {
      replica_usd_per_month: sum(replicaMonth(machines.serving)),
      replica_requests_per_month: replicaVolume(machines),
      min_replicas: machines.serving.min_replicas,
      redundancy: machines.serving.redundancy,
    };
    return profitableIntervals(minus(saving, plan.audit_usd_per_request || 0), fixed, steps);
  }

  function errorCostOf(plan, base, mine) {
    const known = (one) => one.quality !== null && one.quality !== undefined;
    if (!known(plan.baseline) || !known(plan.candidate)) return null;
    const [held, own] = [base, mine].map((bill) => minus(bill.usd, bill.errors_usd) / volumeIn(plan, 1));
    return breakEvenErrorCost(held, own, plan.baseline.quality, plan.candidate.quality);
  }

  function outlookOf(plan) {
    const [base, mine] = [baselineBill(plan, 1), candidateBill(plan, 1)];
    const savings = monthlySavings(plan);
    const { program_usd: program, forward_usd: forward } = plan.one_time;
    const saving = minus(base.usd, mine.usd);
    return {
      baseline: base,
      candidate: mine,
      saving_usd: saving,
      reduction: ratio(base.usd, mine.usd),
      saving_percent: ratio(100 * saving, base.usd),
      token_reduction: ratio(base.requests_usd + base.teacher_usd, mine.requests_usd + mine.teacher_usd),
      savings_usd: savings,
      program: returnsOf(program, savings, plan.discount_per_year),
      forward: returnsOf(forward, savings, plan.discount_per_year),
      volumes: volumesOf(plan, 0),
      volumes_with_program: volumesOf(plan, program / plan.horizon_months),
      break_even_error_usd: errorCostOf(plan, base, mine),
    };
  }

  // What it is worth to know more, when the net present value is Gaussian

  const density = (z) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);

  /** Return Phi(-z) for z >= 0: a series near the middle, a continued fraction in the tail, where the series cancels. */
  function tail(z) {
    if (z < 3) {
      let [term, found] = [z, z];
      for (let divisor = 3; term > found * 1e-18; divisor += 2) {
        term *= (z * z) / divisor;
        found += term;
      }
      return 0.5 - density(z) * found;
    }
    let fraction = z;
    for (let step = 200; step > 0; step -= 1) fraction = z + step / fraction;
    return density(z) / fraction;
  }

  /** Return phi(z) - z Phi(-z) for z >= 0, the mean of max(0, X - z) of a standard normal X. */
  const unitNormalLoss = (z) => density(requireZeroOrMore(z, "z")) - z * tail(z);

  function chancePositive(mean, sd) {
    requireFinite(mean, "the mean");
    if (requireZeroOrMore(sd, "the standard deviation") === 0) return mean > 0 ? 1 : 0;
    const z = mean / sd;
    return z <= 0 ? tail(-z) : 1 - tail(z);
  }

  function valueOfPerfectInformation(mean, sd) {
    requireFinite(mean, "the mean");
    return requireZeroOrMore(sd, "the standard deviation") ? sd * unitNormalLoss(Math.abs(mean) / sd) : 0;
  }

  function valueOfSamples(mean, sd, sampleSd, samples) {
    if (samples < 1) throw new InputError(`samples is ${samples}`, "1 or more");
    const noise = requirePositive(sampleSd, "the spread of one sample") ** 2 / samples;
    if (requireZeroOrMore(sd, "the standard deviation") === 0) return 0;
    return valueOfPerfectInformation(mean, sd ** 2 / Math.sqrt(sd ** 2 + noise));
  }

  function netValueOfSamples(mean, sd, sampleSd, samples, usdPerSample) {
    return valueOfSamples(mean, sd, sampleSd, samples) - samples * requireZeroOrMore(usdPerSample, "usd_per_sample");
  }

  // Amounts as text

  const grouped = (digits) => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");

  /** Write an amount: $1,234.56, -$5.00, $0.000123 (three digits below $1), n/a for null. */
  function formatUsd(amount) {
    if (amount === null || amount === undefined || !Number.isFinite(amount)) return "n/a";
    const size = Math.abs(amount);
    const digits = size === 0 || size >= 1 ? 2 : Math.max(2, 2 - Math.floor(Math.log10(size)));
    // A double such as 1.005 lies just below what was meant; half up needs the nudge of its last place.
    const [whole, decimals] = (size * (1 + 1e-15)).toFixed(Math.min(digits, 100)).split(".");
    return `${amount < 0 ? "-" : ""}$${grouped(whole)}.${decimals.replace(/0+$/, "").padEnd(2, "0")}`;
  }

  root.gatekeeperCost = Object.assign(root.gatekeeperCost || {}, {
    InputError,
    HOURS_PER_MONTH,
    near,
    atLeast,
    above,
    minus,
    ceil,
    tokenParts,
    tokenCost,
    apiCost,
    hostingCost,
    cascadeCost,
    routerCost,
    mostEscalation,
    replicas,
    meanReplicas,
    replicaMonth,
    machineMonth,
    replicaVolume,
    usdPerMillion,
    usdPerMillionOutput,
    economicUtilisation,
    idleUsd,
    qualityAdjustedCost,
    costPerSuccess,
    breakEvenErrorCost,
    operationsCost,
    auditCost,
    retrainsIn,
    addLines,
    generationCost,
    labelCost,
    evaluationCost,
    engineeringCost,
    tokenTrainingCost,
    hourlyTrainingCost,
    gpuHours,
    estimateTraining,
    monthsBetween,
    horizon,
    errorPart,
    monthBill,
    cheapest,
    baselineBill,
    candidateBill,
    monthlySavings,
    paybackMonths,
    presentValues,
    npv,
    paybackIn,
    paybackOf,
    roi,
    signChanges,
    irrPerMonth,
    npvOfWaiting,
    breakEvenVolume,
    profitableIntervals,
    contains,
    outlookOf,
    unitNormalLoss,
    chancePositive,
    valueOfPerfectInformation,
    valueOfSamples,
    netValueOfSamples,
    formatUsd,
    grouped,
  });
})(globalThis);
