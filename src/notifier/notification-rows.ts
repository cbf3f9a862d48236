export function notificationRows(..._: unknown[]): never[] {
  return [];
}
