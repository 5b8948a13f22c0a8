"""How many at once, and how many in a while: counted for all processes of a daemon in one place."""
