"""What `relayd check` looks at."""
