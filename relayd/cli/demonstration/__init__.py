"""What `relayd demo` shows: a configuration of its own, one performance, and how that looks."""
