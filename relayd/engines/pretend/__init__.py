"""Words that nobody said, always the same: for keys that test, and for programs that are tested."""
