"""The knowledge base: documents in, passages found, answers held to their sources."""
