"""What the values and colours of masks mean, and how they become labels."""
