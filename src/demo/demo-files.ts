/**
 * The files of the demo's repository: a small invoicing library with no dependencies. Its bug is a
 * real one: a month added to the 31st overflows into the month after.
 */
export const demoFiles: Readonly<Record<string, string>> = {
  "package.json": `{
  "name": "tiny-invoices",
  "version": "0.3.1",
  "description": "Invoices, instalments and due dates, in whole cents and plain dates",
  "type": "module",
  "private": true,
  "exports": "./src/index.js",
  "scripts": {
    "test": "node --test --test-reporter=tap"
  },
  "engines": {
    "node": ">=20"
  }
}
`,

  ".gitignore": "node_modules/\ncoverage/\n",

  "README.md": `# tiny-invoices

Invoices, instalments and due dates for small shops. No dependencies.

    import { makeInvoice, instalments, formatAmount } from "tiny-invoices";

    const invoice = makeInvoice({
      issuedOn: "2025-03-31",
      lines: [{ title: "Chair", quantity: 4, unitCents: 8900 }],
      vatPercent: 20,
    });
    instalments(invoice, 3); // three dates a month apart, amounts that add up

Run the tests with \`npm test\`.
`,

  "AGENTS.md": `# Conventions

- Amounts are whole cents, dates are strings like "2025-03-31". No floats, no local time: compute dates in UTC.
- No dependencies. Plain JavaScript modules, small functions, a comment only for a why.
- Run \`npm test\` before you say that you are done.
`,

  "src/index.js": `export { addDays, addMonths, daysBetween } from "./dates.js";
export { instalments } from "./instalments.js";
export { makeInvoice } from "./invoice.js";
export { formatAmount, parseAmount, shareOut } from "./money.js";
`,

  "src/dates.js": `const msPerDay = 24 * 60 * 60 * 1000;

function parse(date) {
  const [year, month, day] = date.split("-").map(Number);
  return { year, month, day };
}

function format(date) {
  return date.toISOString().slice(0, 10);
}

/** The date so many days later. */
export function addDays(date, days) {
  const { year, month, day } = parse(date);
  return format(new Date(Date.UTC(year, month - 1, day + days)));
}

/** The same day so many months later. */
export function addMonths(date, months) {
  const { year, month, day } = parse(date);
  return format(new Date(Date.UTC(year, month - 1 + months, day)));
}

/** Whole days from one date to another. */
export function daysBetween(from, to) {
  return (Date.parse(to) - Date.parse(from)) / msPerDay;
}
`,

  "src/money.js": `/** "1,234.50" to 123450 cents. Throws for what is no amount. */
export function parseAmount(text) {
  const match = /^(-?)(\\d{1,3}(?:,\\d{3})*|\\d+)(?:\\.(\\d{2}))?$/.exec(text.trim());
  if (!match) throw new RangeError("not an amount: " + text);
  const [, sign, whole, cents = "00"] = match;
  const value = Number(whole.replaceAll(",", "")) * 100 + Number(cents);
  return sign === "-" ? -value : value;
}

/** 123450 cents to "1,234.50". */
export function formatAmount(cents) {
  const sign = cents < 0 ? "-" : "";
  const whole = Math.floor(Math.abs(cents) / 100).toString();
  const rest = (Math.abs(cents) % 100).toString().padStart(2, "0");
  return sign + whole.replace(/\\B(?=(\\d{3})+$)/g, ",") + "." + rest;
}

/** Share an amount out into equal parts; the first parts take the cents that are left over. */
export function shareOut(cents, parts) {
  const each = Math.floor(cents / parts);
  const left = cents - each * parts;
  return Array.from({ length: parts }, (_, i) => (i < left ? each + 1 : each));
}
`,

  "src/invoice.js": `import { addDays } from "./dates.js";

/** An invoice with its totals. Due after 14 days unless it says otherwise. */
export function makeInvoice({ issuedOn, lines, vatPercent = 0, dueInDays = 14 }) {
  if (lines.length === 0) throw new RangeError("an invoice needs at least one line");
  const netCents = lines.reduce((sum, line) => sum + line.quantity * line.unitCents, 0);
  const vatCents = Math.round((netCents * vatPercent) / 100);
  return {
    issuedOn,
    dueOn: addDays(issuedOn, dueInDays),
    lines,
    netCents,
    vatCents,
    totalCents: netCents + vatCents,
  };
}
`,

  "src/instalments.js": `import { addMonths } from "./dates.js";
import { shareOut } from "./money.js";

/** Pay an invoice in monthly instalments, the first one a month after it was issued. */
export function instalments(invoice, count) {
  return shareOut(invoice.totalCents, count).map((amountCents, i) => ({
    dueOn: addMonths(invoice.issuedOn, i + 1),
    amountCents,
  }));
}
`,

  "test/dates.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { addDays, addMonths, daysBetween } from "../src/dates.js";

test("days run over months and years", () => {
  assert.equal(addDays("2025-12-30", 3), "2026-01-02");
  assert.equal(addDays("2024-02-28", 1), "2024-02-29");
});

test("months keep the day", () => {
  assert.equal(addMonths("2025-03-15", 1), "2025-04-15");
  assert.equal(addMonths("2025-11-01", 3), "2026-02-01");
  assert.equal(addMonths("2025-03-15", -2), "2025-01-15");
});

test("days between two dates", () => {
  assert.equal(daysBetween("2025-03-01", "2025-03-31"), 30);
  assert.equal(daysBetween("2024-02-01", "2024-03-01"), 29);
});
`,

  "test/money.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAmount, parseAmount, shareOut } from "../src/money.js";

test("amounts are read and written", () => {
  assert.equal(parseAmount("1,234.50"), 123450);
  assert.equal(parseAmount("-7"), -700);
  assert.equal(formatAmount(123450), "1,234.50");
  assert.equal(formatAmount(-5), "-0.05");
});

test("what is no amount is refused", () => {
  assert.throws(() => parseAmount("12.5"), RangeError);
  assert.throws(() => parseAmount("1,23"), RangeError);
});

test("no cent is lost when an amount is shared out", () => {
  assert.deepEqual(shareOut(1000, 3), [334, 333, 333]);
  assert.deepEqual(shareOut(-100, 3), [-33, -33, -34]);
});
`,

  "test/invoice.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { makeInvoice } from "../src/invoice.js";

const lines = [
  { title: "Chair", quantity: 4, unitCents: 8900 },
  { title: "Delivery", quantity: 1, unitCents: 1995 },
];

test("an invoice adds up", () => {
  const invoice = makeInvoice({ issuedOn: "2025-03-31", lines, vatPercent: 20 });
  assert.equal(invoice.netCents, 37595);
  assert.equal(invoice.vatCents, 7519);
  assert.equal(invoice.totalCents, 45114);
  assert.equal(invoice.dueOn, "2025-04-14");
});

test("an empty invoice is refused", () => {
  assert.throws(() => makeInvoice({ issuedOn: "2025-03-31", lines: [] }), RangeError);
});
`,

  "test/instalments.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { instalments } from "../src/instalments.js";

test("instalments are a month apart and add up", () => {
  const plan = instalments({ issuedOn: "2025-05-10", totalCents: 10000 }, 3);
  assert.deepEqual(plan.map((part) => part.dueOn), ["2025-06-10", "2025-07-10", "2025-08-10"]);
  assert.equal(plan.reduce((sum, part) => sum + part.amountCents, 0), 10000);
});

test("instalments of an invoice from the 31st fall on the last day of shorter months", () => {
  const plan = instalments({ issuedOn: "2023-12-31", totalCents: 120000 }, 4);
  assert.deepEqual(
    plan.map((part) => part.dueOn),
    ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"],
  );
});
`,
};
