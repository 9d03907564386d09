"""What travels, shared with clients: statements, envelope, canonical form, charter and keys, places, frames, limits.

Pure: no I/O, no clock, no randomness.
"""
