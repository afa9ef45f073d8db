"""The data producer: learns representations in which similar individuals lie provably close together."""
