"""Who works on recordings: claims them, has them transcribed, and says how it ended."""
