"""One live stream: its phases, its meter, its one reason to end.

Imports trio and attrs only, which is what makes it testable under a mock clock.
"""
