"""IMAP, SMTP, TLS and MIME. Knows no AWS."""
