"""What every channel over Twilio shares: the client, the signature, the webhook, the failures."""
