/* How numbers are read and written, and how changed inputs become a link or a command. Needs cost.js; no DOM. */
(function (root) {
  "use strict";

  const cost = root.gatekeeperCost;
  const PLAIN = /^[-+]?(\d[\d_]*(\.[\d_]*)?|\.\d[\d_]*)(e[-+]?\d+)?$/i;
  const THOUSANDS = /^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$/;
  const NONE = "–";

  /** Return a number as people write it (2e6, 1_000_000, 1,000,000, 20%), or null. A field in percent takes 20 as 20%. */
  function parseNumber(text, percent = false) {
    const trimmed = text.trim().replace(/\s+/g, "");
    const digits = trimmed.replace(/%$/, "");
    if (!PLAIN.test(digits) && !THOUSANDS.test(digits)) return null;
    const number = Number(digits.replace(/[_,]/g, ""));
    if (!Number.isFinite(number)) return null;
    return percent || digits !== trimmed ? number / 100 : number;
  }

  /** Write a number to be read and changed: thousands apart, no more than 12 digits. */
  function showNumber(value, percent = false) {
    if (value === null) return "";
    const text = String(Number((percent ? value * 100 : value).toPrecision(12)));
    if (text.includes("e")) return text;
    const [, sign, whole, rest] = /^(-?)(\d+)(.*)$/.exec(text);
    return sign + cost.grouped(whole) + rest;
  }

  /** Write a number in few characters: 950, 1.2k, 36k, 4.7M. */
  function compact(value) {
    const size = Math.abs(value);
    const [unit, name] = [[1e9, "B"], [1e6, "M"], [1e4, "k"]].find(([least]) => size >= least * 0.9995) || [1, ""];
    const scaled = value / (name === "k" ? 1e3 : unit);
    const places = Math.abs(scaled) >= 100 || Number.isInteger(scaled) ? 0 : Math.abs(scaled) >= 10 ? 1 : 2;
    const text = size < 1 ? String(Number(scaled.toPrecision(3))) : String(Number(scaled.toFixed(places)));
    return (name ? text : text.replace(/^-?\d{4,}/, cost.grouped)) + name;
  }

  /** Write an amount: without cents from $1,000 on, as `formatUsd` below. */
  function usd(amount) {
    if (amount === null || amount === undefined) return NONE;
    if (Math.abs(amount) < 1000) return cost.formatUsd(amount);
    return `${amount < 0 ? "-" : ""}$${cost.grouped(Math.abs(amount).toFixed(0))}`;
  }

  const compactUsd = (amount) => `${amount < 0 ? "-" : ""}$${compact(Math.abs(amount))}`;

  function months(value) {
    if (value === null) return "never";
    if (value === 0) return "at once";
    return value < 1 ? "<1 month" : `${value.toFixed(1)} months`;
  }

  const times = (value) => (value === null ? NONE : `${value.toFixed(value < 100 ? 1 : 0)}×`);

  /** Write intervals of monthly requests. */
  function volumes(found) {
    if (found === null) return null;
    const whole = (number) => cost.grouped(Math.round(number).toFixed(0));
    const parts = found.intervals.map((one) =>
      one.end === null ? `from ${whole(one.start)} requests on` : `at ${whole(one.start)} to ${whole(one.end)} requests`,
    );
    const scanned = found.scanned_to === null ? "" : ` (looked at up to ${whole(found.scanned_to)})`;
    return (parts.join(", ") || "at no volume") + scanned;
  }

  // State

  /** Return changed inputs as the hash of a link; "" where nothing is changed. */
  function hashOf(changes) {
    const parts = Object.entries(changes).map(([name, value]) => `${encodeURIComponent(name)}=${value}`);
    return parts.length ? `#${parts.join("&")}` : "";
  }

  /** Return { changes, unknown } of a link's hash: numbers by the names that `knows` accepts, and what it does not. */
  function changesOf(hash, knows) {
    const [changes, unknown] = [Object.create(null), []]; // a link may name anything, such as __proto__
    for (const part of hash.replace(/^#/, "").split("&").filter((one) => one.includes("="))) {
      const [name, text] = [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)].map(decoded);
      const value = parseNumber(text);
      if (knows(name) && value !== null) changes[name] = value;
      else unknown.push(name);
    }
    return { changes, unknown };
  }

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  /** Quote a word for a POSIX shell, where it needs that. */
  const shellWord = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

  /** Return the command line that computes the same numbers. */
  function commandOf(source, changes) {
    const sets = Object.entries(changes).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
    return ["gatekeeper", "cost", "what-if", ...source, ...sets].map(shellWord).join(" ");
  }

  Object.assign(cost, {
    NONE,
    parseNumber,
    showNumber,
    compact,
    usd,
    compactUsd,
    months,
    times,
    volumeText: volumes,
    hashOf,
    changesOf,
    shellWord,
    commandOf,
  });
})(globalThis);
