"""Breaks made on purpose, to see which of them no test notices."""
