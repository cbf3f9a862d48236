import { Component, type ComponentChildren } from "preact";

/** A part of the page that fails says so in one sentence, and leaves the rest as it is. */
export class Boundary extends Component<
  { children: ComponentChildren },
  { problem: string | null }
> {
  override state: { problem: string | null } = { problem: null };

  static override getDerivedStateFromError(error: unknown) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }

  override render() {
    const { problem } = this.state;
    if (problem === null) return this.props.children;
    return (
      <p class="problem" role="alert">
        This part of the page failed: {problem}{" "}
        <button type="button" class="link" onClick={() => this.setState({ problem: null })}>
          Try again
        </button>
      </p>
    );
  }
}
