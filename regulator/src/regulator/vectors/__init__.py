"""Ways to find the vector of an attribute in latent space, one method per file (paper, Sec. 4.1 and App. E)."""
