"""The administrators' pages about the phone: lines, menus, recording."""
