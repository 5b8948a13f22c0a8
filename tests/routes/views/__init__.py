"""The views, each through a whole app on fakes."""
