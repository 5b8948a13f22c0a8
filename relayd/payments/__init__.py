"""Money in: packages sold through Stripe Checkout, credited once, and taken back in proportion.

shop          what the rest of relayd talks to
stripe_api    Stripe itself, behind the port of `ports`; everything else knows plain values
*_statements  one function, one transaction
"""
