export function startNotifier(_: unknown): { poke(): void; stop(): Promise<void> } {
  return { poke() {}, stop: async () => {} };
}
