"""Money in: packages and plans sold through Stripe, credited once, and taken back in proportion.

shop        what the rest of relayd talks to
stripe_api  Stripe itself, behind the port of `ports`; everything else knows plain values

A function that takes a connection is one transaction, and stands beside the noun it is about.
"""
