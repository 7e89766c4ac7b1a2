"""The commands of `python -m bot`, by what they are about. Nothing is loaded before a command needs it."""
