"""The operator's commands: accounts, their API keys, their OAuth clients, and what they may do."""
