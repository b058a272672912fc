"""What became of every champion since it was promoted."""
