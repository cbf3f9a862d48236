import { Component, type ComponentChildren } from "preact";
import { describeFailure, isUnloaded } from "../../parts/boundary.tsx";

/** A part of the page that fails says so in one sentence, and leaves the rest as it is. */
export class Boundary extends Component<
  { children: ComponentChildren },
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
    return (
      <p class="problem" role="alert">
        {describeFailure(failure)}{" "}
        <button type="button" class="link" onClick={again}>
          {isUnloaded(failure) ? "Reload this page" : "Try again"}
        </button>
      </p>
    );
  }
}
