"""Money in: packages and plans sold through Stripe, credited once, and taken back in proportion.

shop         what the rest of relayd talks to
selling      what is for sale, to whom, and the page to pay on
fulfilment   what Stripe says, made good in our books: messages, and its own lists
books        the rows of purchases, subscriptions, invoices, refunds and disputes
stripe       Stripe itself, behind the port of `ports`; everything else knows plain values

A function that takes a connection is one transaction, and stands beside the noun it is about.
"""
