"""Slack: the bot as an agent of a workspace."""
