#!/bin/sh
# Without Lambda's runtime API around it, the container runs an emulator of it: the one that the
# SAM CLI adds.
if [ -z "$AWS_LAMBDA_RUNTIME_API" ]; then
    exec /var/rapid/aws-lambda-rie /var/runtime/bootstrap "$@"
fi
export _HANDLER="$1"
exec /var/runtime/bootstrap
