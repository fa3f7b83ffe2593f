"""The rules: pure functions of facts. No AWS, no socket, no clock but one passed in."""
