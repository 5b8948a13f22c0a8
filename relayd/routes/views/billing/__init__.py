"""What is left to spend, what is sold, and what Stripe says of it: /billing, /webhooks/stripe."""
