// Parses every message of a file, and prints the CPU seconds of each parser as JSON.
// The file has messages one after the other, each behind its length of four octets.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , packages, file] = process.argv;
const require = createRequire(join(packages, "package.json"));
const { simpleParser } = require("mailparser");
const PostalMime = require("postal-mime").default ?? require("postal-mime");

const data = readFileSync(file);
const messages = [];
for (let at = 0; at < data.length; ) {
  const length = data.readUInt32BE(at);
  messages.push(data.subarray(at + 4, at + 4 + length));
  at += 4 + length;
}

async function seconds(parse) {
  for (const raw of messages.slice(0, 50)) await parse(raw);
  const before = process.cpuUsage();
  for (const raw of messages) await parse(raw);
  const spent = process.cpuUsage(before);
  return (spent.user + spent.system) / 1e6;
}

console.log(
  JSON.stringify({
    mailparser: await seconds((raw) => simpleParser(raw)),
    "postal-mime": await seconds((raw) => PostalMime.parse(raw)),
  }),
);
