"""What developers and the demonstration run; nothing here is imported by the product."""
