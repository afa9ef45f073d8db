"""What is in a data set, and all that is wrong with it."""
