"""A sales team's month, played against a stack on this machine (`python -m demo`)."""
