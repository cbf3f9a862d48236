import {
  createDecipheriv,
  createECDH,
  createPublicKey,
  type ECDH,
  hkdfSync,
  randomBytes,
  verify,
} from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/**
 * A push service as RFC 8030, 8188, 8291 and 8292 have it, and the browsers behind it: it looks at who
 * sends (VAPID), and each browser decrypts what it gets with keys of its own.
 */
export type Pushed = {
  browser: string;
  headers: { ttl: string; urgency: string; topic: string };
  /** Who it may ask about the sender. */
  subject: string;
  payload: { web_push: number; notification: Record<string, unknown> };
};

export async function startPushService() {
  const browsers = new Map<string, { keys: ECDH; auth: Buffer; status: number }>();
  const pushed: Pushed[] = [];
  const refused: string[] = [];
  const waiting = new Set<() => void>();
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const name = request.url?.slice(1) ?? "";
    const browser = browsers.get(name);
    const { authorization = "", ttl, topic, urgency } = request.headers;
    const subject = readVapid(authorization, url);
    const isRight =
      request.headers["content-encoding"] === "aes128gcm" &&
      request.headers["content-type"] === "application/octet-stream" &&
      ttl !== undefined;
    const status =
      browser === undefined ? 404 : subject === null ? 403 : isRight ? browser.status : 400;
    if (browser && subject !== null && status === 201) {
      const headers = { ttl: String(ttl), urgency: String(urgency), topic: String(topic) };
      const payload = JSON.parse(decrypt(body, browser.keys, browser.auth));
      pushed.push({ browser: name, headers, subject, payload });
    } else refused.push(`${name}: ${status}`);
    response.writeHead(status).end();
    for (const wake of waiting) wake();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = `http://${host}`;
  return {
    host,
    pushed,
    refused,
    /** A new browser, as its page would send what it subscribed to. */
    subscribe(name: string) {
      const keys = createECDH("prime256v1");
      keys.generateKeys();
      const auth = randomBytes(16);
      browsers.set(name, { keys, auth, status: 201 });
      return {
        endpoint: `${url}/${name}`,
        keys: { p256dh: keys.getPublicKey("base64url"), auth: auth.toString("base64url") },
      };
    },
    /** What it says to pushes for this browser from now on. */
    answer(name: string, status: number) {
      const browser = browsers.get(name);
      if (browser) browser.status = status;
    },
    /** The first push that fits. */
    until(fits: (push: Pushed) => boolean): Promise<Pushed> {
      return new Promise((resolve) => {
        const look = () => {
          const found = pushed.find(fits);
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export type PushService = Awaited<ReturnType<typeof startPushService>>;

/** The sender's subject, if the token is signed by the key beside it, for us, and not for too long. */
function readVapid(authorization: string, audience: string): string | null {
  const [, token = "", key = ""] = /^vapid t=([\w.-]+), ?k=([\w-]+)$/.exec(authorization) ?? [];
  const [head = "", claims = "", signature = ""] = token.split(".");
  const point = Buffer.from(key, "base64url");
  if (point.length !== 65) return null;
  const part = (from: number) => point.subarray(from, from + 32).toString("base64url");
  const jwk = { kty: "EC", crv: "P-256", x: part(1), y: part(33) };
  const isSigned = verify(
    "sha256",
    Buffer.from(`${head}.${claims}`),
    { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" },
    Buffer.from(signature, "base64url"),
  );
  const { aud, exp, sub } = JSON.parse(Buffer.from(claims, "base64url").toString());
  const leftS = exp - Date.now() / 1000;
  return isSigned && aud === audience && leftS > 0 && leftS <= 24 * 60 * 60 ? sub : null;
}

function decrypt(body: Buffer, keys: ECDH, auth: Buffer): string {
  const salt = body.subarray(0, 16);
  const keyLength = body.readUInt8(20);
  const theirs = body.subarray(21, 21 + keyLength);
  const sealed = body.subarray(21 + keyLength);
  const derive = (ikm: Buffer, from: Buffer, info: Buffer, length: number) =>
    Buffer.from(hkdfSync("sha256", ikm, from, info, length));
  const info = Buffer.concat([Buffer.from("WebPush: info\0"), keys.getPublicKey(), theirs]);
  const secret = derive(keys.computeSecret(theirs), auth, info, 32);
  const key = derive(secret, salt, Buffer.from("Content-Encoding: aes128gcm\0"), 16);
  const nonce = derive(secret, salt, Buffer.from("Content-Encoding: nonce\0"), 12);
  const open = createDecipheriv("aes-128-gcm", key, nonce);
  open.setAuthTag(sealed.subarray(-16));
  const plain = Buffer.concat([open.update(sealed.subarray(0, -16)), open.final()]);
  return plain.subarray(0, plain.lastIndexOf(2)).toString("utf8");
}
