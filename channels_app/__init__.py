"""One folder a channel, behind one interface; the inbox and the outbox for all of them."""
