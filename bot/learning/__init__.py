"""From a flag to an adapter in service."""
