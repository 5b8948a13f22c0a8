"""pocketsphinx as a local model."""
