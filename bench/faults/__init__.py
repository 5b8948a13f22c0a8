"""Drivers that break something under real load and print what it cost: ``python -m bench.faults``.

world     one PostgreSQL, one stand-in engine, and daemons as processes
client    an app of raw bytes: well-behaved or not
verdict   figures, their limits, and whether they are met
"""
