/**
 * The system calls that no command in a box may make, as a seccomp filter. Namespaces isolate much;
 * this blocks what the kernel still shares (the keyrings, its log, a virtual machine's host
 * sockets) and large parts of it that no build needs. What needs a capability is refused to
 * commands anyway, and what test runners nest in a box (user namespaces, mounts, ptrace, Chromium's
 * own sandbox) is left to the kernel's rules.
 *
 * The filter covers four ABIs: a 64-bit process may call by its processor's 32-bit ABI at any time,
 * so both are filtered by the same table; x32 and unknown ABIs are refused entirely. A refused call
 * fails with an error that programs can handle: ENOSYS for what a kernel may be built without,
 * EPERM for what needs a permission.
 */
const abis = [
  { arch: 0xc000003e, of: "x64" }, // and x32
  { arch: 0x40000003, of: "x64" }, // i386
  { arch: 0xc00000b7, of: "arm64" },
  { arch: 0x40000028, of: "arm64" }, // arm
] as const;

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** The error, and the call's number in each of the ABIs above; null if it does not exist there. */
type Refused = readonly [errno: number, ...numbers: (number | null)[]];

const refused: Readonly<Record<string, Refused>> = {
  add_key: [ENOSYS, 248, 286, 217, 309],
  request_key: [ENOSYS, 249, 287, 218, 310],
  keyctl: [ENOSYS, 250, 288, 219, 311],
  io_uring_setup: [ENOSYS, 425, 425, 425, 425],
  io_uring_enter: [ENOSYS, 426, 426, 426, 426],
  io_uring_register: [ENOSYS, 427, 427, 427, 427],
  userfaultfd: [ENOSYS, 323, 374, 282, 388],
  acct: [EPERM, 163, 51, 89, 51],
  bpf: [EPERM, 321, 357, 280, 386],
  delete_module: [EPERM, 176, 129, 106, 129],
  fanotify_init: [EPERM, 300, 338, 262, 367],
  finit_module: [EPERM, 313, 350, 273, 379],
  init_module: [EPERM, 175, 128, 105, 128],
  ioperm: [EPERM, 173, 101, null, null],
  iopl: [EPERM, 172, 110, null, null],
  kexec_file_load: [EPERM, 320, null, 294, 401],
  kexec_load: [EPERM, 246, 283, 104, 347],
  lookup_dcookie: [EPERM, 212, 253, 18, 249],
  open_by_handle_at: [EPERM, 304, 342, 265, 371],
  perf_event_open: [EPERM, 298, 336, 241, 364],
  quotactl: [EPERM, 179, 131, 60, 131],
  quotactl_fd: [EPERM, 443, 443, 443, 443],
  reboot: [EPERM, 169, 88, 142, 88],
  swapoff: [EPERM, 168, 115, 225, 115],
  swapon: [EPERM, 167, 87, 224, 87],
  syslog: [EPERM, 103, 103, 116, 103],
  uselib: [EPERM, 134, 86, null, 86],
  vm86: [EPERM, null, 166, null, null],
  vm86old: [EPERM, null, 113, null, null],
};

const socket = [41, 359, 198, 281];
/** Unix, IPv4 and IPv6, netlink, packet. All others, above all vsock, ignore namespaces. */
const socketFamilies = [0, 1, 2, 10, 16, 17];
const ioctl = [16, 54, 29, 54];
/** TIOCSTI and TIOCLINUX, which insert input into a terminal. */
const terminalRequests = [0x5412, 0x541c];
const socketcall = [null, 102, null, null];
const socketcallSocket = 1;

/** Returns the filter as bytes for `bwrap --seccomp`; null for an unknown processor. */
export function makeSyscallFilter(arch: string = process.arch): Buffer | null {
  if (!abis.some(({ of }) => of === arch)) return null;
  const program = [
    load(archOffset),
    ...abis.flatMap(({ arch: abi }, index) => whenEqual(abi, filterAbi(index))),
    refuse(ENOSYS),
  ];
  return Buffer.concat(program.map(encode));
}

/** The instructions for calls of one ABI, each path ending in a verdict. */
function filterAbi(index: number): Instruction[] {
  const on = (number: number | null | undefined, then: Instruction[]) =>
    number == null ? [] : whenEqual(number, then);
  return [
    load(numberOffset),
    ...(index === 0 ? refuseX32 : []),
    ...Object.values(refused).flatMap(([errno, ...numbers]) => on(numbers[index], [refuse(errno)])),
    ...on(socket[index], [
      load(argumentOffset(0)),
      ...socketFamilies.flatMap((family) => whenEqual(family, [allow])),
      refuse(EAFNOSUPPORT),
    ]),
    // The family is in memory, which a filter cannot read.
    ...on(socketcall[index], [
      load(argumentOffset(0)),
      ...whenEqual(socketcallSocket, [refuse(EAFNOSUPPORT)]),
      allow,
    ]),
    ...on(ioctl[index], [
      load(argumentOffset(1)),
      ...terminalRequests.flatMap((request) => whenEqual(request, [refuse(EPERM)])),
    ]),
    allow,
  ];
}

/** One classic BPF instruction; `jf`: how many to skip if the comparison fails. */
type Instruction = { code: number; k: number; jf?: number };

const loadWord = 0x20;
const jumpIfEqual = 0x15;
const jumpIfAtLeast = 0x35;
const returnValue = 0x06;
/** Offsets in `struct seccomp_data`; of arguments the low word, all that the kernel uses. */
const numberOffset = 0;
const archOffset = 4;
const argumentOffset = (index: number) => 16 + 8 * index;

const allow: Instruction = { code: returnValue, k: 0x7fff0000 };
const refuse = (errno: number): Instruction => ({ code: returnValue, k: 0x00050000 | errno });
const load = (offset: number): Instruction => ({ code: loadWord, k: offset });

/** x32 numbers start there. All ones is not one: a debugger uses it to skip a call. */
const refuseX32: Instruction[] = [
  { code: jumpIfAtLeast, k: 0x40000000, jf: 3 },
  ...whenEqual(0xffffffff, [allow]),
  refuse(ENOSYS),
];

function whenEqual(value: number, then: Instruction[]): Instruction[] {
  return [{ code: jumpIfEqual, k: value, jf: then.length }, ...then];
}

function encode({ code, k, jf = 0 }: Instruction): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(jf, 3); // throws for more than a byte
  bytes.writeUInt32LE(k, 4);
  return bytes;
}
