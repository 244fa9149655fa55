"""Image -> Segmentation: what is seen, and pictures of it. A Segmentation, and what is written of it, need no torch."""
