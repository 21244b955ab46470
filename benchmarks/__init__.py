"""Benchmarks: what a decision and an explanation take, beside what others take for the same, in one run."""
