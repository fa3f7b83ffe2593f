"""Tests of the deployed stack: a package, for the stack ends with the last of them."""
