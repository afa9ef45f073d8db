"""Commands and options that several command lines share."""
