"""What several commands share about tickets, their texts and AI replies."""
