"""Training: from a dataset folder to weights that a gate has judged, in a process of its own."""
