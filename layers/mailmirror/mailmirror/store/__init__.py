"""DynamoDB, S3, KMS and SQS. Knows no IMAP and no SMTP."""
