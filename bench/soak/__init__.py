"""Is what the whole system holds the same after hours as after minutes? `docs/soak.md`."""
