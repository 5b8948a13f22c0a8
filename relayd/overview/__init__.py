"""The whole business at a glance, for operators: a month of engines and money, and the present."""
