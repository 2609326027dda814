"""Benchmarks of pytest-moderator, beside its peers: ``python -m benchmarks.run``."""
