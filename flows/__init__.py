"""In what order the stages run, and how a run ends."""
