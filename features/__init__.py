"""Features: one definition, three engines (reference, batch, online) that agree bit for bit."""
