"""Pictures for the regulator to look at: each function returns a PNG, the same bytes for the same content."""
