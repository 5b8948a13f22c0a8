"""Keys of programs: made, shown once, checked at every request, revoked."""
