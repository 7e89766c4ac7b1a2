"""Parley's core: from a request to an answered, remembered turn."""
