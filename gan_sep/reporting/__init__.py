"""Reporting: rows and records -> tables and figures."""
