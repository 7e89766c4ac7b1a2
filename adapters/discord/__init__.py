"""Discord: slash commands, conversation, and answers that stream into components."""
