"""The spoken recording that `relayd demo` streams, and its text. See README.md beside it."""
