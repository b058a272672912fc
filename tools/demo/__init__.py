"""The demonstration: one champion, two refusals, and what tampering meets."""
