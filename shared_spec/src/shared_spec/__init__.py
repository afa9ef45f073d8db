"""The contract of the three parties: what passes between them and what they must compute alike."""
