"""The AI providers that ship with SeedX."""
