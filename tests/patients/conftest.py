"""What the tests of this room share."""

from hypothesis import settings

# Two busy cores: how long one example takes says nothing.
settings.register_profile("patients", deadline=None)
settings.load_profile("patients")
