"""The SeedX terminal client."""
