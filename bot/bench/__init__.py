"""Benches: what is fast enough, measured and printed, never asserted."""
