"""Users, roles, departments and presence."""
