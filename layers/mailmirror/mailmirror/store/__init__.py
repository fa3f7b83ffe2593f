"""The table, the bucket and the sealed secrets (DynamoDB, S3, KMS), by aggregate."""
