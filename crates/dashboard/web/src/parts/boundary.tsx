// A page that breaks says so, instead of being empty. The rest of the dashboard goes on.

import { Component, type ReactNode } from "react";
import { Wrong } from "./state";

interface Props {
  /** Where one is: elsewhere it is tried anew. */
  place: string;
  children: ReactNode;
}

export class Boundary extends Component<Props, { error?: unknown }> {
  state: { error?: unknown } = {};

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  componentDidUpdate(before: Props) {
    if (before.place !== this.props.place && this.state.error !== undefined) this.setState({ error: undefined });
  }

  render() {
    if (this.state.error === undefined) return this.props.children;
    return <Wrong error={this.state.error} retry={() => location.reload()} />;
  }
}
