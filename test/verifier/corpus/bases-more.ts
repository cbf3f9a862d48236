import { jest, vitest } from "./bases-js.ts";
import { nodeTest } from "./bases-node.ts";
import { pytest } from "./bases-python.ts";
import { type Base, extend, textOf } from "./case.ts";

/** Projects of other shapes, for changes that the others have no place for. */
export const nodeTotal = textOf(nodeTest, "test/total.test.js");
export const pyTotal = textOf(pytest, "tests/test_basket.py");
export const jestGreen = extend(jest, "jest, all green", {
  goal: "",
  files: jest.fix ?? {},
  fix: null,
});
export const vitestGreen = extend(vitest, "vitest, all green", {
  goal: "",
  files: vitest.fix ?? {},
  fix: null,
});

/** One test holds two things. */
export const jestOfTwo: Base = extend(jest, "jest with a test of two things", {
  files: {
    "src/total.test.js": `const { total } = require("./total.js");

describe("total", () => {
  it("counts", () => {
    expect(total([{ price: 500, quantity: 3 }])).toBe(1500);
    expect(total([])).toBe(0);
  });
});
`,
  },
});

/** What is wrong is a number in a file that the product reads. */
export const nodeRates: Base = extend(nodeTest, "node:test with rates in a file", {
  goal: "The tax of books is 7 percent, not 19. Mend the rates.",
  files: {
    "src/total.js": null,
    "test/total.test.js": null,
    "config/rates.json": `{ "books": 0.19, "toys": 0.19 }\n`,
    "src/tax.js": `import { readFileSync } from "node:fs";

export const rates = JSON.parse(readFileSync(new URL("../config/rates.json", import.meta.url), "utf8"));

/** The tax of an amount of one kind of goods. */
export const tax = (cents, kind) => Math.round(cents * rates[kind]);
`,
    "test/tax.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { tax } from "../src/tax.js";

test("taxes toys", () => assert.equal(tax(1000, "toys"), 190));
test("taxes books", () => assert.equal(tax(1000, "books"), 70));
`,
  },
  fix: { "config/rates.json": `{ "books": 0.07, "toys": 0.19 }\n` },
});

/** A text of the package's own data is wrong. */
export const pytestLocale: Base = extend(pytest, "pytest with a package's texts", {
  goal: "The German greeting says Hello. It has to say Guten Tag.",
  files: {
    "tests/test_basket.py": null,
    "shop/basket.py": null,
    "shop/greeting.py": `import json
from importlib import resources


def greeting(language):
    text = resources.files("shop").joinpath(f"locales/{language}.json").read_text()
    return json.loads(text)["greeting"]
`,
    "shop/locales/de.json": `{ "greeting": "Hello" }\n`,
    "shop/locales/en.json": `{ "greeting": "Hello" }\n`,
    "tests/test_greeting.py": `from shop.greeting import greeting


def test_greets_in_english():
    assert greeting("en") == "Hello"


def test_greets_in_german():
    assert greeting("de") == "Guten Tag"
`,
  },
  fix: { "shop/locales/de.json": `{ "greeting": "Guten Tag" }\n` },
});

export const rubyTotal = (body: string): string => `module Shop
  # What the items cost together, in cents.
  def self.total(items)
    items.sum { |item| ${body} }
  end
end
`;
export const rspec: Base = {
  name: "rspec",
  runner: "rspec",
  needs: ["rspec"],
  files: {
    ".rspec": "--require spec_helper\n",
    "lib/shop.rb": rubyTotal("item[:price]"),
    "lib/money.rb": `# Cents as people write them.
def money(cents)
  format("%.2f EUR", cents / 100.0)
end
`,
    "spec/spec_helper.rb": `$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))

RSpec.configure do |config|
  config.disable_monkey_patching!
end
`,
    "spec/shop_spec.rb": `require "shop"

RSpec.describe Shop do
  it "sums prices" do
    expect(Shop.total([{ price: 500, quantity: 1 }])).to eq(500)
  end

  it "counts quantities" do
    expect(Shop.total([{ price: 500, quantity: 3 }])).to eq(1500)
  end
end
`,
    "spec/money_spec.rb": `require "money"

RSpec.describe "money" do
  it "writes cents as euros" do
    expect(money(1250)).to eq("12.50 EUR")
  end
end
`,
  },
  check: "rspec",
  goal: "total counts each item once. Make it count the quantity of each item.",
  fix: { "lib/shop.rb": rubyTotal("item[:price] * item[:quantity]") },
  noise: {
    "lib/money.rb": `# Cents, for people to read.
def money(cents)
  format("%.2f EUR", cents / 100.0)
end
`,
  },
};

/** The tests mock what the source loads. */
export const jestMock: Base = extend(jest, "jest with a mock", {
  files: {
    "src/rates.js": "exports.rate = () => 0.19;\n",
    "src/total.js": `const { rate } = require("./rates.js");

exports.total = (items) => items.reduce((sum, { price }) => sum + price, 0) * (1 + rate());
`,
    "src/total.test.js": `const { total } = require("./total.js");

jest.mock("./rates.js", () => ({ rate: () => 1 }));

it("sums prices", () => expect(total([{ price: 500, quantity: 1 }])).toBe(1000));
it("counts quantities", () => expect(total([{ price: 500, quantity: 3 }])).toBe(3000));
`,
  },
  fix: {
    "src/total.js": `const { rate } = require("./rates.js");

exports.total = (items) =>
  items.reduce((sum, { price, quantity }) => sum + price * quantity, 0) * (1 + rate());
`,
  },
});
