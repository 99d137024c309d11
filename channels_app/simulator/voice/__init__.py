"""The simulated provider's telephones: calls, what TwiML does to them, rooms and recordings.

One task lives for each call leg (:mod:`engine`); everything that happens to it rings the leg's
bell. :class:`exchange.Exchange` holds them all together.
"""
