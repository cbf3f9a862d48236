/** Nine o'clock of the next day, by the clock of who looks. */
export function minutesUntilMorning(now: Date): number {
  const morning = new Date(now);
  morning.setDate(now.getDate() + 1);
  morning.setHours(9, 0, 0, 0);
  return Math.ceil((morning.getTime() - now.getTime()) / 60_000);
}
