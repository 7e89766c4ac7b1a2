"""What Parley does for people: one file a scenario."""
