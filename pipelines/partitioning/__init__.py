"""Partitioning networks that exist already: models, methods, tables, export."""
