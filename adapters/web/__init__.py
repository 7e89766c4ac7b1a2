"""The web page: chat, knowledge and the moderators' console, served on the owner's machine."""
