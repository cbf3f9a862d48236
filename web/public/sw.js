/**
 * Shows pushes, and opens the page that a tapped one names. It has no fetch handler: what a cache
 * would show of work that goes on is out of date. Safari ends a subscription after pushes that
 * showed nothing, so every push is shown, whatever it holds.
 */
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  const { title, body, navigate, silent = false, tag } = read(event);
  event.waitUntil(
    self.registration.showNotification(title ?? "Deputy", {
      body: body ?? "",
      tag: tag ?? "deputy",
      // News of a task that is shown already rings again, unless it is one that never rings.
      renotify: !silent,
      silent,
      icon: "/icon-192.png",
      data: { navigate: navigate ?? "/" },
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(new URL(event.notification.data?.navigate ?? "/", self.location.origin)));
});

function read(event) {
  try {
    return event.data?.json().notification ?? {};
  } catch {
    return { body: "Open Deputy to see what it says." };
  }
}

/** A window that is there is taken; an address of another origin is never opened. */
async function open(url) {
  const target = url.origin === self.location.origin ? url.href : self.location.origin;
  const windows = await self.clients.matchAll({ type: "window" });
  for (const window of windows) {
    const moved = await window.navigate(target).catch(() => null);
    if (moved) return moved.focus();
  }
  return self.clients.openWindow(target);
}
