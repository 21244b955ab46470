"""From a snapshot to a trained model: labels, splits, tuning, fitting."""
