import fc from "fast-check";
import { expect, test } from "vitest";
import { describeLow, floorOf, isBelowFloor, roomAgainAt } from "../../src/core/base/floor.ts";

const mb = 1024 * 1024;
const room = (freeMb: number, totalMb: number) => ({
  freeBytes: freeMb * mb,
  totalBytes: totalMb * mb,
});

test("the floor is what is set, but at most a tenth of the volume, and 0 is none", () => {
  expect(floorOf(room(1, 100_000), 512)).toBe(512 * mb);
  expect(floorOf(room(1, 1_000), 512)).toBe(100 * mb);
  expect(isBelowFloor(room(0, 1_000), 0, true)).toBe(false);
  expect(isBelowFloor(room(0, 0), 512, true)).toBe(false); // a file system that knows no size
});

test("between the floor and a quarter more it stays what it was", () => {
  expect(isBelowFloor(room(600, 100_000), 512, false)).toBe(false);
  expect(isBelowFloor(room(600, 100_000), 512, true)).toBe(true);
  fc.assert(
    fc.property(fc.nat(2_000), fc.nat(20_000), fc.nat(2_000), (free, total, floor) => {
      const at = room(Math.min(free, total), total);
      // Who had room and has it still had it: never the other way round.
      if (!isBelowFloor(at, floor, true)) expect(isBelowFloor(at, floor, false)).toBe(false);
      expect(roomAgainAt(at, floor)).toBeLessThan(at.totalBytes + 1); // it can be reached
    }),
  );
});

test("the sentence names the volume, what is free, the floor and what is needed", () => {
  expect(describeLow("/srv", "/srv/home", room(41, 100_000), 512)).toBe(
    "The volume at /srv (/srv/home) has 41 MB free and a floor of 512 MB (min_free_mb): nothing new starts until 640 MB are free; free space there, and the work continues by itself.",
  );
});
