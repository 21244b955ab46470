"""Models in use, watched: do they still see what they learned from, and does what they state come true. Pure, numpy only."""
