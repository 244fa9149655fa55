"""Files on disk as arrays and text, whatever is in them."""
