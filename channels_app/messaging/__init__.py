"""Texts over Twilio: SMS and MMS."""
