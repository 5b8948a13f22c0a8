"""Accounts: email addresses, passwords, tokens and sign-ins.

accounts     what the rest of relayd talks to, with addresses, second_factor and operators
proving      whether somebody is who they say: passwords, codes, and the wait after wrong ones
users        the rows of users, and of the links that are mailed to them
sign_ins     the rows of sign-ins, and the tokens that stand for one
outcomes     what can come of asking
"""
