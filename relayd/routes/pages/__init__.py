"""The pages that people see, and the files these are made of."""
