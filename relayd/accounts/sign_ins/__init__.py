"""Sign-ins: a family of refresh tokens each, how long they are good for, and on what device."""
