"""What callers and engines say to each other: formats, options, words, documents, their seams."""
