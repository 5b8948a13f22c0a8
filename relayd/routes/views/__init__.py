"""The views: one file for each part of the HTTP interface, its forms and its refusals in it.

accounts   signing in, and what an account is      billing    what is left, what is sold, Stripe
v1         /api/v1, for programs: recordings, keys, plans, and what operators do
"""
