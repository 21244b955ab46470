"""What each feature adds to a score: LightGBM's trees as flat arrays, and exact path-dependent TreeSHAP on them, compiled."""
