"""Incidents: how alerts become them, and what people do to them."""
