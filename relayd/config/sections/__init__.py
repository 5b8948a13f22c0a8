"""The sections of relayd.toml, one file each; `[engines]` and `[[models]]` have two or three.

A section is a frozen class whose fields are its keys, each with its unit, bounds and reason.
"""
