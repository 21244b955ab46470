"""Weekly replays of a labelled world: what a selection policy would have found, learning only from what it inspected itself."""
