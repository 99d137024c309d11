"""The phone: calls in and out by Twilio, their rooms, recordings, voicemail and callbacks."""
