import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { crc32, gzipSync } from "node:zlib";

/**
 * A stand-in for the registries of npm, PyPI and crates.io on this machine, with packages of JavaScript,
 * Python and Rust that it makes itself: pkg-0, pkg-1 and so on, all of version 1.0.0. It makes
 * what a lock file needs to name them.
 */
export async function startRegistry({ packages, files = 25, bytes = 4_000 }) {
  const made = new Map();
  /** Each path that was asked for. */
  const requests = [];
  const server = createServer((request, response) => {
    requests.push(request.url);
    const found = made.get(request.url);
    request.resume(); // npm posts a list to be audited
    response.writeHead(found || request.method === "POST" ? 200 : 404, {
      "content-type": request.url.startsWith("/simple/") ? "text/html" : "application/octet-stream",
    });
    response.end(found ?? "{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${server.address().port}`;
  const fill = (name, ending) =>
    Array.from({ length: files }, (_, at) => {
      const line = `${ending === "rs" ? "//" : ending === "py" ? "#" : "//"} ${name} ${at}`;
      const text = Array.from({ length: Math.ceil(bytes / 40) }, (_, i) => `${line} ${i * at}`);
      return [`src/part-${at % 5}/file-${at}.${ending}`, `${text.join("\n")}\n`];
    });
  const names = Array.from({ length: packages }, (_, at) => `pkg-${at}`);

  const npm = () =>
    names.map((name) => {
      const about = JSON.stringify({ name, version: "1.0.0", main: "index.js" });
      const own = [
        ...fill(name, "js"),
        ["package.json", about],
        ["index.js", "module.exports = 1;\n"],
      ];
      const tarball = tar(own, "package/");
      const path = `/${name}/-/${name}-1.0.0.tgz`;
      made.set(path, tarball);
      const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
      return { name, version: "1.0.0", resolved: url + path, integrity };
    });

  /** Fewer than of the others, as Python has it. */
  const python = () =>
    names.slice(0, Math.ceil(packages / 3)).map((name) => {
      const module = name.replace("-", "_");
      const info = `${module}-1.0.0.dist-info`;
      const own = fill(name, "py").map(([path, text]) => [`${module}/${path}`, text]);
      const about = [
        [`${info}/METADATA`, `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0.0\n`],
        [`${info}/WHEEL`, "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"],
      ];
      const all = [[`${module}/__init__.py`, ""], ...own, ...about];
      const record = [...all.map(([path]) => `${path},,`), `${info}/RECORD,,`].join("\n");
      const wheel = zip([...all, [`${info}/RECORD`, `${record}\n`]]);
      const path = `/wheels/${module}-1.0.0-py3-none-any.whl`;
      made.set(path, wheel);
      const digest = sha256(wheel);
      made.set(`/simple/${name}/`, `<a href="${path}#sha256=${digest}">${path.slice(8)}</a>`);
      return { name, version: "1.0.0", digest };
    });

  const cargo = () => {
    made.set("/cargo/config.json", JSON.stringify({ dl: `${url}/crates/{crate}` }));
    return names.map((name) => {
      const about = `[package]\nname = "${name}"\nversion = "1.0.0"\nedition = "2021"\n`;
      const own = [...fill(name, "rs"), ["Cargo.toml", about], ["src/lib.rs", ""]];
      const crate = tar(own, `${name}-1.0.0/`);
      const cksum = sha256(crate);
      const line = { name, vers: "1.0.0", deps: [], cksum, features: {}, yanked: false };
      made.set(`/crates/${name}`, crate);
      made.set(`/cargo/${name.slice(0, 2)}/${name.slice(2, 4)}/${name}`, JSON.stringify(line));
      return { name, version: "1.0.0", cksum };
    });
  };

  return {
    ...{ url, requests, npm, python, cargo },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A compressed archive of [path, text] entries below a folder. */
function tar(entries, folder) {
  const blocks = entries.flatMap(([path, text]) => {
    const header = Buffer.alloc(512);
    header.write(folder + path, 0);
    const octal = (value, at, length) =>
      header.write(value.toString(8).padStart(length - 1, "0"), at);
    for (const [value, at, length] of [
      [0o644, 100, 8],
      [0, 108, 8],
      [0, 116, 8],
      [Buffer.byteLength(text), 124, 12],
      [499_162_500, 136, 12],
    ])
      octal(value, at, length);
    header.write("        0", 148);
    header.write("ustar\u000000", 257);
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      148,
      7,
    );
    header[154] = 0;
    const content = Buffer.from(text);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]), { level: 1 });
}

/** An archive of [path, text] entries, not compressed. */
function zip(entries) {
  const [local, central] = [[], []];
  let at = 0;
  for (const [path, text] of entries) {
    const [name, content] = [Buffer.from(path), Buffer.from(text)];
    const about = Buffer.alloc(26);
    about.writeUInt16LE(20, 0);
    about.writeUInt16LE(0x21, 8); // the first of January 1980
    about.writeUInt32LE(crc32(content), 10);
    about.writeUInt32LE(content.length, 14);
    about.writeUInt32LE(content.length, 18);
    about.writeUInt16LE(name.length, 22);
    const head = Buffer.concat([Buffer.from("PK\x03\x04"), about, name]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(0o100644 * 0x1_0000, 6);
    tail.writeUInt32LE(at, 10);
    central.push(Buffer.from("PK\x01\x02\x14\x03"), about, tail, name);
    local.push(head, content);
    at += head.length + content.length;
  }
  const list = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...local, list, end]);
}
