"""The stack on this machine, the tools that it needs, and the operator's commands."""
