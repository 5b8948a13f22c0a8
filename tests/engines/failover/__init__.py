"""Several engines for one stream."""
