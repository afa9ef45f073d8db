"""The one command that two command lines share."""
