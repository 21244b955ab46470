"""Models: training, calibration, explanation, registry, and the pure decision core with its dated policies."""
