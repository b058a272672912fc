"""What leaves the sealed train split: a differentially private release, or nothing new."""
