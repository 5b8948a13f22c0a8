"""Several engines for one stream: where one refuses or fails, another goes on with it."""
