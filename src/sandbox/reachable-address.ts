import { BlockList, isIP } from "node:net";

/**
 * Which addresses a command may be led to by a name that it may use: whoever owns a name decides
 * where it points, so the address is judged and not the name. Refused is what is not the public
 * internet: this machine, its networks, link-local with the clouds' metadata servers, and the forms
 * of IPv6 that carry such an IPv4 address.
 */
const refused = new BlockList();
for (const [net, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10], // carrier-grade NAT; a cloud's metadata server lies in it
  ["127.0.0.0", 8],
  ["168.63.129.16", 32], // a cloud's platform server
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3], // multicast, reserved, broadcast
] as const) {
  refused.addSubnet(net, prefix, "ipv4");
}

const publicV6 = new BlockList();
publicV6.addSubnet("2000::", 3, "ipv6");
for (const [net, prefix] of [
  ["2001::", 23], // Teredo and other protocol assignments
  ["2001:db8::", 32],
  ["2002::", 16], // 6to4: carries an IPv4 address
] as const) {
  refused.addSubnet(net, prefix, "ipv6");
}

/** Whether the address is one of the public internet. Anything that is no address is not. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !refused.check(address, "ipv4");
    case 6:
      return publicV6.check(address, "ipv6") && !refused.check(address, "ipv6");
    default:
      return false;
  }
}

const mirrors = new BlockList();
for (const [net, prefix] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
] as const) {
  mirrors.addSubnet(net, prefix, "ipv4");
}
const metadataV6 = new BlockList();
metadataV6.addSubnet("fd00:ec2::", 32, "ipv6"); // a cloud's metadata server
mirrors.addSubnet("fc00::", 7, "ipv6");

/**
 * Whether the address is of a network where a mirror of a well-known registry may stand: a private
 * one, but neither this machine nor what answers every machine of a cloud. Who resolves the name
 * there is the network's administrator, not whoever wrote the command.
 */
export function isMirrorAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return mirrors.check(address, "ipv4");
    case 6:
      return mirrors.check(address, "ipv6") && !metadataV6.check(address, "ipv6");
    default:
      return false;
  }
}
