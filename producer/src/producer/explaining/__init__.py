"""Why not me? One person's similarity set in pictures, with the consumer's decision on each of them."""
