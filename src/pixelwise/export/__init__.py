"""One file for every runtime, from the photo as it was decoded to its labels; checked against the original."""
