"""The worker process: models that answer over HTTP. Run as `python -m models.serving`."""
