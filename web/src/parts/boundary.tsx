import { Component, type ComponentChildren } from "preact";

/**
 * Where drawing a view fails: one sentence in its place, and the rest of the page goes on. A part that
 * cannot be loaded is mostly one of an older build, which the daemon no longer has.
 */
export class Boundary extends Component<
  {
    children: ComponentChildren;
    /** In the place of a small part: one line, which tries again. */
    isLine?: boolean;
  },
  { failure: unknown; failed: boolean }
> {
  override state = { failure: null as unknown, failed: false };

  static override getDerivedStateFromError(failure: unknown) {
    return { failure, failed: true };
  }

  override render() {
    const { failed, failure } = this.state;
    if (!failed) return this.props.children;
    // What could not be loaded once is not asked for again before the page is loaded anew.
    const again = () =>
      isUnloaded(failure) ? location.reload() : this.setState({ failure: null, failed: false });
    if (this.props.isLine)
      return (
        <p class="problem" role="alert">
          {describeFailure(failure)}{" "}
          <button type="button" class="link" onClick={again}>
            {isUnloaded(failure) ? "Reload this page" : "Try again"}
          </button>
        </p>
      );
    return (
      <div class="empty" role="alert">
        <p class="empty-title">{describeFailure(failure)}</p>
        <button type="button" class="button primary" onClick={() => location.reload()}>
          Reload this page
        </button>
      </div>
    );
  }
}

/** Whether the code of a part of the page did not come. */
const isUnloaded = (failure: unknown): boolean =>
  /dynamically imported module|importing a module|unable to preload/i.test(wordsOf(failure));

function describeFailure(failure: unknown): string {
  return isUnloaded(failure)
    ? "This part of the page could not be loaded: Deputy is stopped, or was updated."
    : `This part of the page failed: ${wordsOf(failure)}`;
}

const wordsOf = (failure: unknown): string =>
  failure instanceof Error ? failure.message : String(failure);
