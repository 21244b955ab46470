"""Records as agencies send them: types, readers, quarantine, the store and the simulated world."""
