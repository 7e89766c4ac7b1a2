"""The moderators' console: review, datasets, runs, adapters, and how the bot is doing."""
