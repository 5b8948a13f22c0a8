"""What Stripe says, by its messages and in its lists, made good in our books, once."""
