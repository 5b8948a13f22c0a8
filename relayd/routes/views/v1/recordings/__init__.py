"""/api/v1: recordings handed in, how they stand, their words, and who is told of them."""
