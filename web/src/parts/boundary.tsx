import { Component, type ComponentChildren } from "preact";

/**
 * Where drawing a view fails: one sentence in its place, and the rest of the page goes on. A part that
 * cannot be loaded is mostly one of an older build, which the daemon no longer has.
 */
export class Boundary extends Component<
  { children: ComponentChildren },
  { failure: unknown; failed: boolean }
> {
  override state = { failure: null as unknown, failed: false };

  static override getDerivedStateFromError(failure: unknown) {
    return { failure, failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div class="empty" role="alert">
        <p class="empty-title">{describeFailure(this.state.failure)}</p>
        <button type="button" class="button primary" onClick={() => location.reload()}>
          Reload this page
        </button>
      </div>
    );
  }
}

/** Whether the code of a part of the page did not come. */
export const isUnloaded = (failure: unknown): boolean =>
  /dynamically imported module|importing a module|unable to preload/i.test(wordsOf(failure));

export function describeFailure(failure: unknown): string {
  return isUnloaded(failure)
    ? "This part of the page could not be loaded: Deputy is stopped, or was updated."
    : `This part of the page failed: ${wordsOf(failure)}`;
}

const wordsOf = (failure: unknown): string =>
  failure instanceof Error ? failure.message : String(failure);
