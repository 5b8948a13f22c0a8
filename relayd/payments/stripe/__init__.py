"""Stripe itself, through its SDK; the rest of payments knows plain values."""
