"""Agents in Python."""
