"""A local stand-in for Twilio, texts and calls: its own process, spoken to over HTTP only.

Nothing here imports the hub, and the hub imports nothing from here; what the two share is
Twilio's public protocol. Start it with
``uvicorn channels_app.simulator.app:app --port 8001``.
"""
