"""What is said between sessions and engines: formats, options, plans, words, and their seam."""
