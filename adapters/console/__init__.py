"""The console: one question from the command line, or a conversation in the terminal."""
