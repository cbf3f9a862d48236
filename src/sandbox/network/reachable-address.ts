import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/**
 * Which addresses a command may be led to by a name that it may use: the owner of a name decides where
 * it points, so the address is judged and not the name.
 */

/** The address ranges of the public internet, with the ranges in them that IANA's registry leaves out. */
const publicV6 = ipaddr.parseCIDR("2000::/3");
const protocolAssignments = ipaddr.parseCIDR("2001::/23"); // Teredo and others
const platformServer = "168.63.129.16"; // of a cloud, in the middle of public addresses

/**
 * Whether the address is one of the public internet: not this machine, its networks, a link-local or
 * metadata server, nor a form of IPv6 that carries such an IPv4 address. False for anything else.
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast" || address === platformServer) return false;
  return isIP(address) === 4 || (parsed.match(publicV6) && !parsed.match(protocolAssignments));
}

const mirrorNetworks = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "fc00::/7",
].map((network) => ipaddr.parseCIDR(network));
const metadataV6 = ipaddr.parseCIDR("fd00:ec2::/32"); // a cloud's metadata server

/**
 * Whether a mirror of a well-known registry may stand at the address: in a private network, but not on
 * this machine, nor where a cloud answers every machine. The network's administrator resolves the name
 * there, not the author of the command.
 */
export function isMirrorAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  const isIn = (network: (typeof mirrorNetworks)[number]) =>
    parsed.kind() === network[0].kind() && parsed.match(network);
  return mirrorNetworks.some(isIn) && !isIn(metadataV6);
}
