"""Where people are: one folder a platform."""
