"""The tests, a mirror of relayd/."""
