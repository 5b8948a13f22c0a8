"""What changed in the database, told to who is looking: browsers that show a balance."""
