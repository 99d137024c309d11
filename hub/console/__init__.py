"""The console of agents and supervisors."""
