"""Whether somebody is who they say: passwords, codes of an app, and the wait after wrong ones."""
