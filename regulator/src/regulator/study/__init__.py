"""What the vectors of a spec do, and how far S(x) covers those who truly are similar."""
