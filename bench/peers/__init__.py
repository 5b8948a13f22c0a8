"""Relays to measure relayd beside: as a good engineer writes one, without accounts or a meter.

Each takes the engine's URL, prints ``{"port": …}``, and passes audio up and words down as they
come: of relayd's protocol they know the first message and ``stop``.
"""
