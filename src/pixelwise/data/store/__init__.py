"""Decoded samples kept on disk, so that no command decodes them twice."""
