"""Mailmirror mirrors sales people's mailboxes into their CRM."""
