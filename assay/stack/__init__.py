"""Starts and stops everything on one machine."""
