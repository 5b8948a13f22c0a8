"""Tests of the benchmark's pure parts: a wrong ruler measures nothing."""
