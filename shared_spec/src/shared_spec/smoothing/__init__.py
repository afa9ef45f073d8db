"""Center smoothing as producer and readers must agree on it: its settings, and what follows from them."""
