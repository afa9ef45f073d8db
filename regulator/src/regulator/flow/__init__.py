"""The flow G = (E, D): its training, its file, and the gate that it passes before a spec is published from it."""
