"""Patients: profile, contact points, related persons, consent, identity."""
