"""How each stage is done: a room per stage, whose only door is its task.py."""
