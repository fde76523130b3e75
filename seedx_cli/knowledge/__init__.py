"""Articles of the knowledge base on this machine."""
