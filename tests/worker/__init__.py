"""Working on recordings: claimed, transcribed, ended."""
