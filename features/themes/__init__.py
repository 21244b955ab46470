"""Feature definitions by theme. The catalogue gathers them into sets."""
