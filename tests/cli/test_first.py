"""Whatever can be refused is refused before any work: nothing is encoded, trained or written."""
