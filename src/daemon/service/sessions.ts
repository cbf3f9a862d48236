import { randomBytes, randomInt } from "node:crypto";
import {
  codeAlphabet,
  codeLength,
  codeMinutes,
  codeTries,
  linkPattern,
  readCode,
  type Scope,
} from "../../core/attention/device.ts";
import { DeputyError } from "../../core/base/error.ts";
import { newId } from "../../core/base/id.ts";
import { cleanOutsideText } from "../../core/text/outside-text.ts";
import type { SessionService } from "../../http/service.ts";
import { hashSecret } from "../../notifier/replies/reply-secrets.ts";
import type { Db } from "../../store/database/schema.ts";
import {
  changeDevice,
  deleteDevice,
  findDevice,
  findPairing,
  insertDevice,
  listDevices,
  putPairing,
  renewDevice,
  takeCode,
  takeLink,
} from "../../store/pushes/devices.ts";

/** Paired devices and their sessions. What they bring is stored as hashes alone. */
export function makeSessionService(db: Db): SessionService {
  const take = async (typed: string): Promise<Scope | null> => {
    if (linkPattern.test(typed)) return takeLink(db, hashSecret(typed));
    const code = readCode(typed);
    return code === null ? null : takeCode(db, hashSecret(code)); // what cannot be a code is no try
  };
  return {
    openPairing: async (scope) => {
      let code = "";
      while (code.length < codeLength) code += codeAlphabet[randomInt(codeAlphabet.length)];
      const link = randomBytes(16).toString("base64url");
      const hashes = { codeHash: hashSecret(code), linkHash: hashSecret(link) };
      return { code, link, scope, expiresAt: await putPairing(db, { ...hashes, scope }) };
    },
    findPairing: () => findPairing(db),
    signIn: async (typed, given, earlier) => {
      const scope = await take(typed);
      if (scope === null)
        throw new DeputyError(
          "forbidden",
          `That is not the code, or it is older than ${codeMinutes} minutes, or ${codeTries} tries were wrong; deputy pair prints a new one.`,
          { field: "code" },
        );
      const session = randomBytes(32).toString("base64url");
      const name = cleanOutsideText(given).replace(/\s+/g, " ").trim() || "a device without a name";
      const known = earlier === null ? null : await findDevice(db, hashSecret(earlier));
      const own = { name, scope, sessionHash: hashSecret(session) };
      const isRenewed = known !== null && (await renewDevice(db, known.id, own));
      const id = isRenewed ? known.id : newId("device");
      if (!isRenewed) await insertDevice(db, { id, ...own });
      const at = new Date();
      const device = { push: false, pairedAt: at, seenAt: at, ...known, id, name, scope };
      return { session, device };
    },
    findSession: (session) => findDevice(db, hashSecret(session)),
    devices: () => listDevices(db),
    changeDevice: async (id, change) => orMissing(id, await changeDevice(db, id, change)),
    revokeDevice: async (id) => orMissing(id, await deleteDevice(db, id)),
  };
}

function orMissing<Device>(id: string, device: Device | null): Device {
  if (device) return device;
  throw new DeputyError("not_found", `There is no device ${id}; deputy devices ls lists them.`, {
    field: "id",
  });
}
