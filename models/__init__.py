"""Models: the engine seam, the worker that serves them, and where weights come from."""
