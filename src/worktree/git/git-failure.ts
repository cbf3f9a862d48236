/** A failed git command with its arguments, exit code and stderr, without URL credentials. */
export class GitFailure extends Error {
  readonly command: string;
  readonly exitCode: number | null;
  readonly stderr: string;

  constructor(args: readonly string[], exitCode: number | null, stderr: string) {
    const command = hideCredentials(`git ${args.join(" ")}`);
    const said = hideCredentials(stderr.trim());
    const ending = exitCode === null ? "was stopped" : `ended with exit code ${exitCode}`;
    super(`${command} ${ending}${said === "" ? "" : `: ${said}`}`);
    this.name = "GitFailure";
    this.command = command;
    this.exitCode = exitCode;
    this.stderr = said;
  }
}

function hideCredentials(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/\s@]+@/gi, "$1…@");
}
