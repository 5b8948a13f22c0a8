"""Plans: who is on which, what they give, and what is counted under them."""
