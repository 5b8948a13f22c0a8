"""One adapter for each engine, one whitelist of options for all, one place that chooses."""
