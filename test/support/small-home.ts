import { afterAll, beforeAll } from "vitest";
import { type Fixtures, withDeputy } from "./fixtures.ts";
import { type Phone, startPhone } from "./phone.ts";
import { mountSmallVolume, type SmallVolume } from "./small-volume.ts";

/** A daemon whose home is a volume of 64 MB, with a floor of 6.4 MB, and a phone that it pushes to. */
export function withSmallHome(files: Record<string, string>): Fixtures & {
  home(): SmallVolume;
  titles(): string[];
} {
  let phone: Phone;
  let home: SmallVolume;
  beforeAll(async () => {
    phone = await startPhone();
  });
  const made = withDeputy({ files, env: () => phone.env, start: false });
  beforeAll(async () => {
    home = mountSmallVolume(made.deputy.home, "size=64m");
    await made.deputy.start();
  });
  afterAll(async () => {
    await made.deputy.stop();
    home?.unmount();
    await phone?.close();
  });
  return { ...made, home: () => home, titles: () => phone.titles() };
}
