"""The web page: chat and knowledge, served on the owner's machine."""
