"""The rows of what was bought, subscribed to, billed, and taken back: a function, a transaction."""
