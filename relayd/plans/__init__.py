"""What a user may do by what they pay: plans, and the minutes that they bring."""
