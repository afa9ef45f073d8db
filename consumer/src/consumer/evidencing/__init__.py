"""What a certificate says, in the forms of other systems: CycloneDX, Hugging Face's model cards, a table."""
