"""The window of relayd-client."""
